/** `GET /memories`: filters, orders, pages; and walks by cursor while everything else goes on. */
import assert from "node:assert/strict";
import { SimulatedDisk } from "./fakes/file_system.ts";
import { below, idOf, randomOf, seed } from "./fakes/store_kit.ts";
import { type HttpApp, type Json, problemOf, withApp } from "./http_app.ts";

const SORTS = ["created_at", "updated_at", "importance_score", "access_count"] as const;
const TYPES = ["semantic", "episodic", "procedural"];

/** Ten memories with ties in everything but the id; 3 is read twice, 4 once, 5 was updated. */
async function fill(app: HttpApp): Promise<void> {
  for (let n = 0; n < 10; n++) {
    const json = {
      id: idOf(500 + n),
      content: `${n}`,
      memory_type: TYPES[n % 3],
      importance_score: (n % 4) / 4,
      tags: [...(n % 2 ? ["odd"] : []), ...(n > 6 ? ["high"] : []), "a,b"],
      created_at: `2026-01-0${1 + (n >> 1)}T00:00:00Z`,
    };
    await app.done(201, "POST", "/memories", { json });
  }
  for (const n of [3, 3, 4]) await app.done(200, "GET", `/memories/${idOf(500 + n)}`);
  await app.clock.advance(1000);
  await app.done(200, "PUT", `/memories/${idOf(505)}`, { json: {} });
}

const digits = (ids: readonly string[]) => ids.map((id) => id.slice(-1)).join("");

Deno.test("filters and orders give exactly these memories in exactly this order", async () => {
  const table: [string, string][] = [
    ["", "9876543210"],
    ["&sort=created_at&order=desc", "9876543210"],
    ["&order=asc", "0123456789"],
    ["&sort=updated_at", "5987643210"],
    ["&sort=updated_at&order=asc", "0123467895"],
    ["&sort=importance_score", "7362951840"],
    ["&sort=importance_score&order=asc", "0481592637"],
    ["&sort=access_count", "3498765210"],
    ["&sort=access_count&order=asc", "0125678943"],
    ["&memory_type=episodic", "741"],
    ["&tag=odd", "97531"],
    ["&tag=odd&tag=high", "97"],
    ["&tag=high&tag=odd&tag=high", "97"],
    ["&tag=a,b&memory_type=procedural", "852"],
    ["&tag=a", ""],
    ["&tag=ODD", ""],
    ["&min_importance=0.5", "7632"],
    ["&min_importance=7.5e-1", "73"],
    ["&min_importance=0", "9876543210"],
    ["&min_importance=1", ""],
    ["&created_after=2026-01-03T00:00:00Z", "987654"],
    ["&created_after=2026-01-03T01:00:00%2B01:00", "987654"],
    ["&created_before=2026-01-03T00:00:00Z", "3210"],
    ["&created_after=2026-01-02T00:00:00Z&created_before=2026-01-03T00:00:00.001Z", "5432"],
    ["&created_after=2026-01-03T00:00:00Z&created_before=2026-01-03T00:00:00Z", ""],
    ["&tag=odd&min_importance=0.25&sort=importance_score&order=asc&memory_type=episodic", "17"],
  ];
  await withApp(async (app) => {
    await fill(app);
    for (const [query, wanted] of table) {
      assert.deepEqual([query, digits(await app.ids(query))], [query, wanted]);
      const { total, offset, next_cursor } = await app.done(
        200,
        "GET",
        `/memories?limit=100${query}`,
      );
      assert.deepEqual([total, offset, next_cursor], [wanted.length, 0, null]);
    }
    assert.equal((await app.done(200, "GET", `/memories/${idOf(503)}`)).access_count, 3);
  });
});

Deno.test("offset and cursor cut the same pages, and each says where it stands", async () => {
  await withApp(async (app) => {
    await fill(app);
    for (const sort of SORTS) {
      for (const order of ["asc", "desc"]) {
        const query = `sort=${sort}&order=${order}`;
        const whole = await app.ids(`&${query}`);
        let path = `/memories?limit=3&${query}`;
        for (let page = 0; page < 4; page++) {
          const byCursor = await app.done(200, "GET", path);
          const byOffset = await app.done(
            200,
            "GET",
            `/memories?limit=3&offset=${3 * page}&${query}`,
          );
          const ids = whole.slice(3 * page, 3 * page + 3);
          assert.deepEqual(byCursor.memories.map(({ id }: Json) => id), ids);
          assert.deepEqual(byCursor.memories, byOffset.memories);
          for (const { total, limit, offset, next_cursor } of [byCursor, byOffset]) {
            assert.deepEqual([total, limit, offset], [10, 3, 3 * page]);
            assert.equal(next_cursor === null, page === 3);
          }
          path = `/memories?limit=3&cursor=${byCursor.next_cursor}`;
        }
      }
    }
    const beyond = await app.done(200, "GET", "/memories?offset=10");
    assert.deepEqual(beyond, { memories: [], total: 10, limit: 20, offset: 10, next_cursor: null });
    assert.equal((await app.done(200, "GET", "/memories?limit=10")).next_cursor, null);
  });
});

Deno.test("a cursor brings its question, takes another limit, and refuses another question", async () => {
  await withApp(async (app) => {
    await fill(app);
    const first = "tag=odd&sort=importance_score&order=asc&min_importance=0.25";
    const { next_cursor } = await app.done(200, "GET", `/memories?limit=1&${first}`);
    const rest = async (query: string) => {
      const page = await app.done(200, "GET", `/memories?cursor=${next_cursor}${query}`);
      return digits(page.memories.map(({ id }: Json) => id));
    };
    assert.equal(await rest(""), "5937");
    assert.equal(await rest("&limit=2"), "59");
    assert.equal(await rest(`&${first}`), "5937");
    assert.equal(await rest("&order=asc"), "5937");
    for (
      const [query, name] of [
        ["&order=desc", "order"],
        ["&sort=created_at", "sort"],
        ["&tag=high", "tags"],
        ["&tag=odd&tag=high", "tags"],
        ["&memory_type=semantic", "memory_type"],
        ["&min_importance=0.5", "min_importance"],
        ["&created_after=2026-01-01T00:00:00Z", "created_after"],
      ]
    ) {
      assert.deepEqual(
        await app.done(400, "GET", `/memories?cursor=${next_cursor}${query}`),
        problemOf(
          "malformed",
          400,
          `Cannot continue the listing: the cursor belongs to another "${name}"; ` +
            "repeat the first request's parameters or leave them out",
        ),
      );
    }
  });
});

Deno.test("a query that cannot be read is 400 and says where", async () => {
  const table: [string, string, string][] = [
    ["limit=0", "/limit", "must be a whole number from 1 to 100"],
    ["limit=101", "/limit", "must be a whole number from 1 to 100"],
    ["limit=1.5", "/limit", "must be a whole number from 1 to 100"],
    ["limit=", "/limit", "must be a whole number from 1 to 100"],
    ["limit=1e1", "/limit", "must be a whole number from 1 to 100"],
    ["limit=10&limit=20", "/limit", "may be given once only"],
    ["limit=10&limit=10", "/limit", "may be given once only"],
    ["offset=-1", "/offset", "must be a whole number from 0 to 1000000000"],
    ["offset=0&cursor=x", "/cursor", "cannot go with an offset"],
    ["min_importance=1.1", "/min_importance", "must be a number from 0 to 1"],
    ["min_importance=1e", "/min_importance", "must be a number from 0 to 1"],
    ["min_importance=.5", "/min_importance", "must be a number from 0 to 1"],
    ["min_importance=0x1", "/min_importance", "must be a number from 0 to 1"],
    ["min_importance=-1e-1", "/min_importance", "must be a number from 0 to 1"],
    ["min_importance=x", "/min_importance", "must be a number from 0 to 1"],
    [
      "created_after=yesterday",
      "/created_after",
      "must be an RFC 3339 time, such as 2026-01-31T12:00:00Z",
    ],
    ["memory_type=semantic&memory_type=episodic", "/memory_type", "may be given once only"],
    [
      "memory_type=generic",
      "/memory_type",
      'Invalid option: expected one of "semantic"|"episodic"|"procedural"',
    ],
    [
      "sort=id",
      "/sort",
      'Invalid option: expected one of "created_at"|"updated_at"|"importance_score"|"access_count"',
    ],
    ["order=DESC", "/order", 'Invalid option: expected one of "asc"|"desc"'],
    ["tag=", "/tag/0", "Too small: expected string to have >=1 characters"],
    ["tags=a", "/tags", "is not a parameter of this route"],
    ["__proto__=a", "/__proto__", "is not a parameter of this route"],
    ["a%2Fb=1", "/a~1b", "is not a parameter of this route"],
    ["cursor=", "/cursor", "Too small: expected string to have >=1 characters"],
    ...["x", "e30", btoa('{"id":"a"}'), "\u{1f600}"].map((
      text,
    ): [string, string, string] => [
      `cursor=${encodeURIComponent(text)}`,
      "/cursor",
      "must be a next_cursor of an earlier reply",
    ]),
  ];
  await withApp(async (app) => {
    for (const [query, path, message] of table) {
      const { errors, type } = await app.done(400, "GET", `/memories?${query}`);
      assert.deepEqual([query, errors], [query, [{ path, message }]]);
      assert.equal(type, "urn:second-brain:error:malformed");
    }
    for (const { method, path, query } of app.app.routes) {
      const asked = method === "GET" || method === "DELETE" ? {} : { json: {} };
      const url = `${path.replace("{id}", idOf(1))}?nonsense=1`;
      const { errors } = await app.done(400, method, url, asked);
      const message = "is not a parameter of this route";
      assert.deepEqual([path, query !== undefined, errors], [path, query !== undefined, [
        { path: "/nonsense", message },
      ]]);
    }
  });
});

Deno.test("a walk that is no longer remembered is 400, and says to begin again", async () => {
  const expired = problemOf(
    "malformed",
    400,
    "Cannot continue the listing: its cursor has expired; begin again without a cursor",
  );
  const disk = new SimulatedDisk();
  let lasting = "", walk = "";
  await withApp(async (app) => {
    await fill(app);
    const begin = async (sort: string) =>
      (await app.done(200, "GET", `/memories?limit=2&sort=${sort}`)).next_cursor;
    [lasting, walk] = [await begin("created_at"), await begin("updated_at")];
    for (let n = 0; n < 50; n++) await begin("importance_score");
    await app.done(200, "GET", `/memories?cursor=${walk}`);
  }, { disk });
  // Another run of the program knows nothing of the moves that this one saw.
  await withApp(async (app) => {
    assert.deepEqual(await app.done(400, "GET", `/memories?cursor=${walk}`), expired);
    await app.done(200, "GET", `/memories?cursor=${lasting}`);
    assert.equal((await app.done(200, "GET", "/memories?sort=updated_at")).total, 10);
  }, { disk, firstId: 600 });
});

/** Something that happens between two pages, at random; tells the ids that came or went. */
async function disturb(app: HttpApp, random: () => number, standing: Set<string>): Promise<void> {
  const ids = await app.ids();
  const id = ids[below(random, ids.length)] ?? "";
  const kind = random();
  await app.clock.advance(below(random, 3));
  if (kind < 0.25) {
    const json = { content: "new", importance_score: below(random, 4) / 4 };
    await app.done(201, "POST", "/memories", { json });
  } else if (kind < 0.4) {
    await app.done(204, "DELETE", `/memories/${id}`);
    standing.delete(id);
  } else if (kind < 0.7) {
    const json = { importance_score: below(random, 5) / 4 };
    await app.done(200, "PATCH", `/memories/${id}`, { json });
  } else if (kind < 0.8) {
    const created_at = `2026-0${1 + below(random, 3)}-01T00:00:00Z`;
    const updated_at = "2026-06-01T00:00:00Z";
    const json = [{ id, content: "in", created_at, updated_at, access_count: 9 }];
    await app.done(200, "POST", "/import?on_conflict=overwrite", { json });
  } else await app.done(200, "GET", `/memories/${id}`);
}

Deno.test(`a walk sees what stood throughout exactly once, whatever goes on (seed ${seed})`, async () => {
  for (const sort of SORTS) {
    for (const order of ["asc", "desc"]) {
      for (let round = 0; round < 3; round++) {
        const random = randomOf(seed + round);
        await withApp(async (app) => {
          for (let n = 0; n < 12; n++) await fillOne(app, random, n);
          const standing = new Set(await app.ids());
          const seen: string[] = [];
          let path = `/memories?limit=${1 + below(random, 4)}&sort=${sort}&order=${order}`;
          for (let pages = 0; pages < 60; pages++) {
            const { memories, next_cursor } = await app.done(200, "GET", path);
            seen.push(...memories.map(({ id }: Json) => id));
            if (next_cursor === null) break;
            path = `/memories?limit=${1 + below(random, 4)}&cursor=${next_cursor}`;
            for (let n = below(random, 6); n > 0; n--) await disturb(app, random, standing);
          }
          const which = `${sort} ${order} round ${round}`;
          assert.equal(new Set(seen).size, seen.length, `${which}: seen twice`);
          const missed = [...standing].filter((id) => !seen.includes(id));
          assert.deepEqual(missed, [], `${which}: missed`);
        });
      }
    }
  }
});

async function fillOne(app: HttpApp, random: () => number, n: number): Promise<void> {
  const json = { content: `${n}`, importance_score: below(random, 4) / 4 };
  const { id } = await app.done(201, "POST", "/memories", { json });
  for (let reads = below(random, 3); reads > 0; reads--) {
    await app.done(200, "GET", `/memories/${id}`);
  }
  await app.clock.advance(below(random, 2));
}
