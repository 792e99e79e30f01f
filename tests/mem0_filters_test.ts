/** mem0's filters: each operator by example, and trees of them against a plain reading of them. */
import assert from "node:assert/strict";
import { filtersOf } from "../src/http/mem0/filters.ts";
import type { JsonObject } from "../src/json.ts";
import { DEFAULTS, type Memory } from "../src/memory.ts";
import { idOf, randomOf, seed } from "./fakes/store_kit.ts";
import { add, told, withMem0 } from "./mem0_kit.ts";

function memory(n: number, fields: Partial<Memory>): Memory {
  const at = "2026-01-15T10:00:00.000Z";
  return { ...DEFAULTS, id: idOf(n), content: "x", created_at: at, updated_at: at, ...fields };
}

const ALL: readonly Memory[] = [
  memory(1, { content: "The fence.", metadata: { user_id: "ada", n: 1, kind: "note" } }),
  memory(2, {
    content: "A HEDGE.",
    metadata: { user_id: "bob", run_id: "7", n: 2, deep: { a: [1] } },
  }),
  memory(3, { tags: ["garden", "diy"], metadata: { user_id: "ada", run_id: "r1" } }),
  memory(4, { created_at: "2026-02-01T00:00:00.000Z", metadata: { agent_id: "*", n: null } }),
  memory(5, { created_at: "2025-12-31T23:59:59.999Z", updated_at: "2026-03-01T00:00:00.000Z" }),
];

function passing(...trees: JsonObject[]): number[] {
  const { test } = filtersOf(...trees);
  return ALL.flatMap((memory, at) => test(memory) ? [at + 1] : []);
}

const EXAMPLES: readonly (readonly [JsonObject, readonly number[]])[] = [
  [{}, [1, 2, 3, 4, 5]],
  [{ user_id: "ada" }, [1, 3]],
  [{ user_id: { eq: "ada" } }, [1, 3]],
  [{ user_id: "*" }, [1, 2, 3]],
  [{ user_id: null }, [4, 5]],
  [{ user_id: { ne: "ada" } }, [2, 4, 5]],
  [{ user_id: { in: ["bob", "cleo"] } }, [2]],
  [{ user_id: ["bob", "cleo"] }, [2]],
  [{ user_id: { contains: "da" } }, [1, 3]],
  [{ user_id: { ne: "*" } }, [4, 5]],
  [{ user_id: { ne: null } }, [1, 2, 3]],
  [{ user_id: { in: ["*"] } }, [1, 2, 3]],
  [{ run_id: 7 }, [2]],
  [{ run_id: { in: [6, 7] } }, [2]],
  [{ user_id: "ada", run_id: "*" }, [3]],
  [{ AND: [{ user_id: "ada" }, { run_id: "r1" }] }, [3]],
  [{ OR: [{ user_id: "bob" }, { run_id: "r1" }] }, [2, 3]],
  [{ OR: [] }, []],
  [{ AND: [] }, [1, 2, 3, 4, 5]],
  [{ NOT: { user_id: "ada" } }, [2, 4, 5]],
  [{ NOT: [{ user_id: "ada" }, { user_id: "bob" }] }, [4, 5]],
  [{ AND: [{ user_id: "*" }, { NOT: { categories: { in: ["diy"] } } }] }, [1, 2]],
  [{ categories: { contains: "gard" } }, [3]],
  [{ categories: { in: ["gard"] } }, []],
  [{ categories: ["garden"] }, [3]],
  [{ keywords: "hedge" }, [2]],
  [{ keywords: { icontains: "hedge" } }, [2]],
  [{ keywords: { contains: "hedge" } }, []],
  [{ memory_ids: [idOf(2), idOf(9)] }, [2]],
  [{ metadata: { kind: "note" } }, [1]],
  [{ metadata: { n: { gte: 2 } } }, [2]],
  [{ metadata: { n: { gt: 0, lt: 2 } } }, [1]],
  [{ metadata: { deep: { a: [1] } } }, [2]],
  [{ metadata: { kind: "*" } }, [1]],
  [{ metadata: { kind: { ne: "note" } } }, [2, 3, 4, 5]],
  [{ metadata: { toString: "x" } }, []],
  [{ created_at: { gte: "2026-01-15T10:00:00Z" } }, [1, 2, 3, 4]],
  [{ created_at: { gt: "2026-01-15T10:00:00Z" } }, [4]],
  [{ created_at: { gte: "2026-01-01", lte: "2026-01-15" } }, [1, 2, 3]],
  [{ created_at: { lte: "2025-12-31" } }, [5]],
  [{ created_at: { gt: "2026-01-15" } }, [4]],
  [{ created_at: "2026-02-01" }, [4]],
  [{ created_at: { ne: "2026-01-15" } }, [4, 5]],
  [{ created_at: { lt: "2026-01-15T11:00:00+01:00" } }, [5]],
  [{ timestamp: { gte: 1_769_904_000 } }, [4]],
  [{ updated_at: { gte: "2026-02-28" } }, [5]],
];

Deno.test("each operator lets through what it says", () => {
  for (const [tree, expected] of EXAMPLES) {
    assert.deepEqual(passing(tree), expected, JSON.stringify(tree));
  }
  assert.deepEqual(passing({ user_id: "ada" }, { run_id: "r1" }), [3]);
});

const EXAMPLE_FIELDS = ["user_id", "agent_id", "app_id", "run_id"].map((name) => [name, "a"]);

Deno.test("what is no filter is refused, and says what would be one", () => {
  const FAULTS: readonly (readonly [JsonObject, string])[] = [
    [{ user_id: { like: "a" } }, 'there is no operator "like"; use eq, ne, in, '],
    [{ __proto__: null, constructor: { constructor: 1 } }, 'there is no field "constructor"'],
    [{ user_id: { constructor: 1 } }, 'there is no operator "constructor"'],
    [{ AND: ["ada"] }, '"AND" takes a list of conditions'],
    [{ user_id: { in: "ada" } }, '"in" takes a list of at most 1000 values'],
    [{ user_id: { in: Array(1_001).fill("a") } }, '"in" takes a list of at most 1000 values'],
    [{ keywords: { contains: 1 } }, '"contains" takes a text'],
    [{ created_at: "yesterday" }, 'a time must be such as "2026-01-31T12:00:00Z"'],
    [{ created_at: { in: [] } }, 'there is no operator "in"; use eq, ne, gt, gte, lt, lte'],
    [{ created_at: "2026-01" }, 'a time must be such as "2026-01-31T12:00:00Z"'],
    [{ created_at: {} }, "an object must have an operator, such as eq"],
    [{ user_id: {} }, "an object must have an operator, such as eq"],
    [{ metadata: { n: { gte: 1, gtee: 2 } } }, 'there is no operator "gtee"'],
    [{ AND: Array(201).fill({}) }, "it has more than 200 branches"],
    [{ metadata: "note" }, '"metadata" takes an object'],
    [{ OR: Array(51).fill(Object.fromEntries(EXAMPLE_FIELDS)) }, "it has more than 200 conditions"],
  ];
  for (const [tree, state] of FAULTS) {
    assert.throws(() => filtersOf(tree), (error) => {
      assert.ok(error instanceof Error && error.message.startsWith(`Cannot filter: ${state}`));
      return true;
    }, JSON.stringify(tree));
  }
});

Deno.test(`trees of filters mean what they say, and what is told beside them lets no more out (seed ${seed})`, () => {
  const random = randomOf(seed);
  const pick = <T>(items: readonly T[]) => items[Math.floor(random() * items.length)]!;
  const holds = (tree: JsonObject, at: number): boolean =>
    Object.entries(tree).every(([name, value]) => {
      const isTree = ["AND", "OR", "NOT"].includes(name) && Array.isArray(value);
      const below = isTree ? value.map((one) => holds(one, at)) : [];
      if (name === "AND") return !below.includes(false);
      if (name === "OR") return below.includes(true);
      if (name === "NOT") return !below.includes(true);
      return EXAMPLES.some(([one, expected]) =>
        JSON.stringify(one) === JSON.stringify({ [name]: value }) && expected.includes(at)
      );
    });
  const leaves = EXAMPLES.map(([tree]) => tree)
    .filter((tree) =>
      Object.keys(tree).length === 1 && !/"(AND|OR|NOT)"/.test(JSON.stringify(tree))
    );
  const tree = (depth: number): JsonObject => {
    if (depth === 0 || random() < 0.3) return pick(leaves);
    const branches = Array.from({ length: Math.floor(random() * 4) }, () => tree(depth - 1));
    return { [pick(["AND", "OR", "NOT"])]: branches };
  };
  for (let n = 0; n < 500; n++) {
    const made = tree(3);
    const expected = ALL.flatMap((_, at) => holds(made, at + 1) ? [at + 1] : []);
    assert.deepEqual(passing(made), expected, JSON.stringify(made));
    const { filter: { metadata: entities = {} } } = filtersOf(made);
    const isOf = ({ metadata }: Memory) =>
      Object.entries(entities).every(([name, value]) => metadata[name] === value);
    assert.ok(expected.every((at) => isOf(ALL[at - 1]!)), JSON.stringify([made, entities]));
  }
});

Deno.test("a search goes on until it has found as many as are wanted, however few pass", async () => {
  await withMem0(async (app) => {
    const memories = Array.from({ length: 1_500 }, (_, n) => ({
      id: idOf(10_000 + n),
      content: "A fence post.",
      metadata: { n, user_id: n % 2 === 0 ? "ada" : "bob" },
    }));
    await app.done(200, "POST", "/import", { json: memories });
    const filters = { metadata: { n: { gte: 1_495 } } };
    const search = async (more: object) =>
      (await told(200, app, "POST", "/v3/memories/search/", { query: "fence", ...more })).results
        .length;
    assert.equal(await search({ filters }), 5);
    assert.equal(await search({ filters: { AND: [filters, { user_id: "ada" }] } }), 2);
    assert.equal(await search({ filters, top_k: 3 }), 3);
    assert.equal(await search({ top_k: 1_000 }), 1_000);
    const some = { query: "fence", filters: { NOT: { user_id: "ada" } }, top_k: 100 };
    const { results: others } = await told(200, app, "POST", "/v3/memories/search/", some);
    assert.equal(new Set(others.map((one: { id: string }) => one.id)).size, 100);
    const id = await add(app, "A fence post, and gate.", { agent_id: "x" });
    const { results } = await told(200, app, "POST", "/v3/memories/search/", {
      query: "fence",
      filters: { OR: [{ agent_id: "x" }] },
    });
    assert.deepEqual(results.map((one: { id: string }) => one.id), [id]);
    const all = await told(200, app, "GET", "/v1/memories/");
    assert.equal(new Set(all.map((one: { id: string }) => one.id)).size, 1_501);
  });
});
