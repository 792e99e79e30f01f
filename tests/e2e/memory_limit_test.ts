/**
 * The real program in 512 MiB, as a container gives it. MEMORY_LIMIT_NOTES=100000 fills it with that
 * many memories.
 */
import assert from "node:assert/strict";
import { Folders } from "../bench/folders.ts";
import { question } from "../bench/notes.ts";
import { eventually, within } from "./conditions.ts";
import { Ledger } from "./ledger.ts";
import { MemoryLimit, withMemoryLimits } from "./memory_limit.ts";
import { Place, type Program } from "./program.ts";

const { ignore, suffix } = withMemoryLimits;
const NOTES = Number(Deno.env.get("MEMORY_LIMIT_NOTES") ?? 20_000);
const LIMIT_MIB = 512;
/** Resident at most: in use, with an import of far too much, and full by the quota. */
const MOST_MIB = NOTES <= 20_000
  ? { used: 250, importing: 400, full: 300 }
  : { used: 400, importing: 480, full: 450 };

/** The most that was ever resident. */
async function residentPeakMib({ pid }: Program): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

/** Lines of an import, each as large as may be, far more of them than fit. */
function* tooMuch(): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  for (let i = 0; i < 10_000; i++) {
    yield encoder.encode(JSON.stringify({ content: `${i} `.padEnd(95_000, "z") }) + "\n");
  }
}

async function imports(program: Program, lines: Iterable<Uint8Array>): Promise<number> {
  const response = await fetch(`${program.url}/import`, {
    method: "POST",
    headers: {
      "Authorization": `Bearer ${program.key}`,
      "Content-Type": "application/x-ndjson",
      "Idempotency-Key": "too much",
    },
    body: ReadableStream.from(lines),
  });
  await response.body?.cancel();
  return response.status;
}

async function total(program: Program): Promise<unknown> {
  return (await program.want(200, "GET", "/memories?limit=1")).at("total");
}

/** What counts against the quota. */
async function storedBytes(program: Program): Promise<number> {
  const stats = await program.want(200, "GET", "/stats");
  const names = ["memories_bytes", "journal_bytes", "embeddings_bytes", "exports_bytes"];
  return names.reduce((sum, name) => sum + Number(stats.at("storage", name)), 0);
}

Deno.test({
  name:
    `${NOTES} memories in ${LIMIT_MIB} MiB are found, exported, added to, and compacted; at most ` +
    `${MOST_MIB.used} MiB are resident, ${MOST_MIB.importing} with an import of far too much${suffix}`,
  ignore,
  async fn() {
    await using limit = await MemoryLimit.of(LIMIT_MIB);
    await using place = new Place();
    const folder = await new Folders(place.folder).filled(NOTES);
    const env = { MEMORY_PERSIST_PATH: `${folder}/memories.json`, DENO_USE_CGROUPS: "1" };
    const first = place.launch(env, limit.under);
    const readyMs = await first.ready();
    for (let i = 0; i < 20; i++) {
      const query = question(i, NOTES);
      const found = await first.want(200, "POST", "/search", { query, mode: "keyword" });
      assert.notEqual(found.at("total"), 0);
    }
    const file = await first.want(201, "POST", "/export", { destination: "file" });
    assert.equal(file.at("total_memories"), NOTES);
    const usedMib = await residentPeakMib(first);
    const tooLarge = await imports(first, tooMuch());
    assert.ok([413, 507].includes(tooLarge), String(tooLarge));
    const importMib = await residentPeakMib(first);
    assert.equal(await total(first), NOTES);
    const stored = await storedBytes(first);
    await first.crash();

    // Full by its quota after a few more, and with a journal to compact at its end.
    const quota = { STORAGE_QUOTA_BYTES: String(stored + 4e6) };
    const second = place.launch({ ...env, ...quota }, limit.under);
    await second.ready();
    const large = { content: "y".repeat(90_000) };
    let added = 0;
    while ((await second.ask("POST", "/memories", large)).status === 201) added++;
    await second.want(507, "POST", "/memories", large);
    assert.equal(await total(second), NOTES + added);
    const quotaMib = await residentPeakMib(second);
    const { ms, code } = await second.stop();
    assert.equal(code, 0);
    assert.equal(second.event("stopped")?.level, "info", "with a snapshot of all");
    console.log(
      `${NOTES} memories: ready after ${readyMs.toFixed()} ms, stopped within ${ms.toFixed()} ms; ` +
        `at most ${usedMib.toFixed()} MiB resident, ${importMib.toFixed()} MiB with an import of ` +
        `950 MB (${tooLarge}), ${quotaMib.toFixed()} MiB after a crash; ` +
        `${(await limit.peakMib())?.toFixed()} MiB with the page cache`,
    );
    assert.equal(await limit.kills(), 0);
    assert.ok(usedMib < MOST_MIB.used, `${usedMib} MiB`);
    assert.ok(importMib < MOST_MIB.importing, `${importMib} MiB with an import`);
    assert.ok(quotaMib < MOST_MIB.full, `${quotaMib} MiB when full`);
  },
});

/** Four clients that write until the process is gone. */
async function writesUntilGone(program: Program, ledger: Ledger): Promise<void> {
  await Promise.all(Array.from({ length: 4 }, async () => {
    while (await ledger.create(program, 90_000) !== 0);
  }));
  await program.ended;
}

Deno.test({
  name: `killed by the system for want of memory, it has all that was acknowledged${suffix}`,
  ignore,
  async fn() {
    await using limit = await MemoryLimit.of(256);
    await using place = new Place();
    const program = place.launch({}, limit.under);
    await program.ready();
    const ledger = new Ledger();
    const writing = writesUntilGone(program, ledger);
    await eventually(10_000, "writes", () => ledger.acknowledged > 50 ? true : undefined);
    // The first to be chosen, once something else takes all that there is.
    await Deno.writeTextFile(`/proc/${program.pid}/oom_score_adj`, "1000");
    const hog = place.spawn([], { instead: [...limit.under, "sh", "-c", "tail /dev/zero"] });
    await within(20_000, writing, () => "killed");
    assert.ok(await limit.kills() >= 1);
    await hog.output();
    const next = await place.serve();
    assert.equal(next.event("ready")?.["integrity"], "ok", next.out);
    await ledger.check(next);
    await ledger.settle(next);
    await ledger.check(next);
    const { acknowledged, unknown } = ledger;
    console.log(JSON.stringify({ acknowledged, unknown }));
  },
});
