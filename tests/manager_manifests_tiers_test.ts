/** The tiers: what is wrong with one is said before anybody has it. */
import assert from "node:assert/strict";
import { type Tier, type TierName, tierProblems, TIERS } from "../src/manager/tiers.ts";

const MIB = 1024 ** 2;
const GIB = 1024 * MIB;

function problemsWith(name: TierName, change: Partial<Tier>): string[] {
  return tierProblems({ ...TIERS, [name]: { ...TIERS[name], ...change } });
}

const BROKEN: readonly (readonly [TierName, Partial<Tier>, readonly string[]])[] = [
  ["free", { memory: { requestBytes: GIB, limitBytes: GIB } }, [
    "free: memory and processors are not both asked for, and less than their limits",
  ]],
  ["free", { cpu: { requestMillis: 0, limitMillis: 500 } }, [
    "free: memory and processors are not both asked for, and less than their limits",
  ]],
  ["pro", { cpu: { requestMillis: 1_000.5, limitMillis: 2_000 } }, [
    "pro: an amount is no whole number from 0 on",
  ]],
  ["free", { quotaBytes: 320 * MIB }, [
    "free: three times the quota, and what is kept free, do not fit the volume",
  ]],
  ["free", { quotaBytes: 0 }, ["free: there is no quota, so the volume could run full"]],
  ["enterprise", { heapMib: 12_289 }, ["enterprise: the heap does not fit the memory"]],
  ["enterprise", { heapMib: 0 }, ["enterprise: the heap does not fit the memory"]],
  ["free", { requestsPerMinute: 0 }, ["free: no limit is put on requests"]],
  ["free", { backups: { everyHours: 0, keep: 7 } }, [
    "free: backups are not between an hour and a year apart",
    "pro: below free in backups a day",
  ]],
  ["free", { backups: { everyHours: 24, keep: 0 } }, ["free: no backup is kept"]],
  ["pro", { embeddingModel: "" }, ["pro: the embedding model has no name"]],
  ["pro", { storageBytes: GIB, quotaBytes: 300 * MIB }, []],
  ["pro", { storageBytes: GIB / 2, quotaBytes: 100 * MIB }, [
    "pro: below free in storage",
    "pro: below free in quota",
  ]],
  ["enterprise", { memory: { requestBytes: GIB, limitBytes: 16 * GIB } }, [
    "enterprise: below pro in memory asked for",
  ]],
  ["pro", { mostMemories: 0 }, []],
  ["free", { mostMemories: 0 }, ["pro: below free in memories"]],
  ["enterprise", { requestsPerMinute: 1 }, ["enterprise: below pro in requests a minute"]],
];

Deno.test("the tiers are as they must be", () => {
  assert.deepEqual(tierProblems(TIERS), []);
});

Deno.test("a tier that could not run, or could not be changed into another, is told of", () => {
  for (const [name, change, problems] of BROKEN) {
    assert.deepEqual(problemsWith(name, change), problems, JSON.stringify(change));
  }
});
