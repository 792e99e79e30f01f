/** The reference set among everything else that a brain does: its memories are memories like any
 * other, which others search, change and delete meanwhile. */
import assert from "node:assert/strict";
import { callTool, listTools } from "../src/mcp/calls.ts";
import { SimulatedDisk } from "./fakes/file_system.ts";
import { entityFields, relationFields } from "../src/graph.ts";
import { drain } from "./fakes/indexing.ts";
import { randomOf, seed } from "./fakes/store_kit.ts";
import { GraphModel, randomCall, READING, WRITING } from "./graph_model.ts";
import { type HttpApp, type Json, NOW, search, withApp } from "./http_app.ts";
import { answerOf, type Box, boxOf, dataOf, errorOf } from "./reference_box.ts";

console.log(`TEST_SEED=${seed}`);

const ANNA = { name: "Anna", entityType: "person", observations: ["lives in Lisbon", "sings"] };
const ACME = { name: "Acme", entityType: "company", observations: [] };
const WORKS = { from: "Anna", to: "Acme", relationType: "works at" };
const ANNA_PATH = `/memories/${entityFields(ANNA).id}`;

async function fill(app: HttpApp): Promise<Box> {
  const box = boxOf(app);
  await dataOf(box, "create_entities", { entities: [ANNA, ACME] });
  await dataOf(box, "create_relations", { relations: [WORKS] });
  return box;
}

/** Carries something out between what a call reads and what it writes. */
function meanwhile({ brain: { listing } }: HttpApp, work: () => Promise<unknown>): void {
  const select = listing.select.bind(listing);
  listing.select = async (matches) => {
    const selected = await select(matches);
    listing.select = select;
    await work();
    return selected;
  };
}

Deno.test("entities and relations are ordinary memories, which a search finds", () =>
  withApp(async (app) => {
    await fill(app);
    assert.deepEqual(await app.done(200, "GET", ANNA_PATH), {
      id: entityFields(ANNA).id,
      content: "Anna (person)\n- lives in Lisbon\n- sings",
      memory_type: "semantic",
      importance_score: 0.5,
      tags: [],
      metadata: { graph: "entity", name: "Anna", entityType: "person" },
      created_at: NOW,
      updated_at: NOW,
      last_accessed_at: NOW,
      access_count: 1,
    });
    const { results } = await search(app, { query: "who lives in Lisbon?" });
    assert.equal(results[0].memory.id, entityFields(ANNA).id);
    const related = await search(app, {
      query: "Acme",
      filters: { metadata: { graph: "relation" } },
    });
    assert.deepEqual(related.results.map(({ memory }: Json) => memory.content), [
      "Anna → works at → Acme",
    ]);
  }));

Deno.test("who has a key for reading sees the three tools that read, and calls no other", () =>
  withApp(async (app) => {
    await fill(app);
    const box = boxOf(app, "read");
    assert.deepEqual(listTools(box).tools.map(({ name }) => name), READING);
    assert.deepEqual(await dataOf(box, "open_nodes", { names: ["Acme"] }), {
      entities: [ACME],
      relations: [WORKS],
    });
    for (const name of WRITING) {
      assert.equal(
        await errorOf(box, name, {}),
        `Cannot call ${name} with a key for reading: it changes something`,
      );
    }
    assert.equal((await dataOf(box, "read_graph", {})).entities.length, 2);
  }));

Deno.test("what a person changes or deletes is so in the graph, too", () =>
  withApp(async (app) => {
    const box = await fill(app);
    const content = "Anna (person)\n- lives in Porto";
    await app.done(200, "PATCH", ANNA_PATH, { json: { content, tags: ["friend"] } });
    assert.deepEqual((await dataOf(box, "open_nodes", { names: ["Anna"] })).entities, [
      { ...ANNA, observations: ["lives in Porto"] },
    ]);

    const contents = ["lives in Porto", "plays the cello"];
    const observations = [{ entityName: "Anna", contents }];
    assert.deepEqual(await dataOf(box, "add_observations", { observations }), {
      results: [{ entityName: "Anna", addedObservations: ["plays the cello"] }],
    });
    const { tags, content: text } = await app.done(200, "GET", ANNA_PATH);
    assert.deepEqual({ tags, text }, {
      tags: ["friend"],
      text: "Anna (person)\n- lives in Porto\n- plays the cello",
    });

    // What is renamed leaves its name to another one.
    await app.done(200, "PATCH", ANNA_PATH, { json: { metadata: { name: "Ann" } } });
    await dataOf(box, "create_entities", { entities: [ANNA] });
    // What is no entity any more is not overwritten.
    const acme = `/memories/${entityFields(ACME).id}`;
    await app.done(200, "PUT", acme, { json: { content: "a note", metadata: {} } });
    await dataOf(box, "create_entities", { entities: [ACME] });
    assert.equal((await app.done(200, "GET", acme)).content, "a note");
    await app.done(204, "DELETE", `/memories/${relationFields(WORKS).id}`);
    assert.deepEqual(await dataOf(box, "read_graph", {}), {
      entities: [
        { ...ANNA, name: "Ann", observations: ["Anna (person)", ...contents] },
        ANNA,
        ACME,
      ],
      relations: [],
    });
  }));

Deno.test("a change that comes between a call's reading and its writing is not lost", () =>
  withApp(async (app) => {
    const box = await fill(app);
    const content = "Anna (person)\n- lives in Porto\n- sings";
    meanwhile(app, () => app.done(200, "PATCH", ANNA_PATH, { json: { content } }));
    const observations = [{ entityName: "Anna", contents: ["sings", "lives in Lisbon", "cooks"] }];
    assert.deepEqual(await dataOf(box, "add_observations", { observations }), {
      results: [{ entityName: "Anna", addedObservations: ["lives in Lisbon", "cooks"] }],
    });

    const deletions = [{ entityName: "Anna", observations: ["sings"] }];
    const later = { content: `${content}\n- dances` };
    meanwhile(app, () => app.done(200, "PATCH", ANNA_PATH, { json: later }));
    await dataOf(box, "delete_observations", { deletions });
    assert.equal(
      (await app.done(200, "GET", ANNA_PATH)).content,
      "Anna (person)\n- lives in Porto\n- dances",
    );

    const renamed = { content: "Ann", metadata: { name: "Ann" } };
    meanwhile(app, () => app.done(200, "PATCH", ANNA_PATH, { json: renamed }));
    assert.equal(
      await errorOf(box, "add_observations", { observations }),
      "Entity with name Anna not found",
    );
    await app.done(200, "PATCH", ANNA_PATH, { json: { metadata: { name: "Anna" } } });
    meanwhile(app, () => app.done(204, "DELETE", ANNA_PATH));
    assert.equal(
      await errorOf(box, "add_observations", { observations }),
      "Entity with name Anna not found",
    );
    // Another that makes the same just now: there is one, and it was not this call that made it.
    const other = boxOf(app);
    meanwhile(app, () => dataOf(other, "create_entities", { entities: [ANNA] }));
    assert.deepEqual(await dataOf(box, "create_entities", { entities: [ANNA] }), { entities: [] });

    const note = { content: "a note", metadata: {} };
    meanwhile(app, () => app.done(200, "PUT", ANNA_PATH, { json: note }));
    await dataOf(box, "delete_entities", { entityNames: ["Anna", "Acme"] });
    assert.equal((await app.done(200, "GET", ANNA_PATH)).content, "a note");
    assert.deepEqual(await dataOf(box, "read_graph", {}), { entities: [], relations: [] });
  }));

Deno.test("calls that come at once are carried out in their order, over restarts", async () => {
  const random = randomOf(seed);
  const model = new GraphModel();
  const disk = new SimulatedDisk();
  for (let life = 0; life < 5; life++) {
    await withApp(async (app) => {
      const box = boxOf(app);
      const read = { name: "read_graph", arguments: {} };
      assert.deepEqual(await answerOf(box, read), model.answer(read));
      const calls = Array.from({ length: 60 }, () => randomCall(random, WRITING));
      const answers = await Promise.all(calls.map((call) => answerOf(box, call)));
      for (const [n, call] of calls.entries()) {
        assert.deepEqual(answers[n], model.answer(call), `${life}: ${JSON.stringify(call)}`);
      }
      assert.deepEqual(await answerOf(box, read), model.answer(read));
    }, { disk, firstId: life * 1_000_000 });
  }
});

Deno.test("what is too much is refused, with the way out, and nothing of it is done", () =>
  withApp(async (app) => {
    const box = await fill(app);
    const many = <T>(one: T, count: number) => Array.from({ length: count }, () => one);
    const long = "x".repeat(100_000);
    const before = await dataOf(box, "read_graph", {});
    const tooLong = "all that is known of it must have at most 100,000 characters";
    const table: [string, Json, string][] = [
      [
        "create_entities",
        { entities: many(ANNA, 1_001) },
        "Cannot take 1001 entities at once: send at most 1000 in one call",
      ],
      [
        "create_entities",
        { entities: [{ ...ANNA, name: "Bob" }, { ...ANNA, name: "Cy", observations: [long] }] },
        `Cannot keep it in the graph: ${tooLong}; divide it among several entities`,
      ],
      [
        "add_observations",
        {
          observations: [
            { entityName: "Anna", contents: ["cooks"] },
            { entityName: "Acme", contents: [long] },
          ],
        },
        `Cannot keep it in the graph: ${tooLong}; divide it among several entities`,
      ],
      [
        "create_relations",
        { relations: [{ ...WORKS, relationType: "é".repeat(40_000) }] },
        "Cannot keep it in the graph: its names must be at most 65536 bytes of JSON; " +
        "choose shorter ones",
      ],
    ];
    for (const [name, args, message] of table) {
      assert.equal(await errorOf(box, name, args), message);
    }
    assert.deepEqual(await dataOf(box, "read_graph", {}), before);

    const large = Array.from({ length: 6 }, (_, n) => ({
      ...ANNA,
      name: `large ${n}`,
      observations: [long.slice(100)],
    }));
    await dataOf(box, "create_entities", { entities: large });
    assert.equal(
      await errorOf(box, "read_graph", {}),
      "Cannot show 8 entities and 1 relations at once: that is more than 500000 characters; " +
        "ask with search_nodes or open_nodes for fewer",
    );
    assert.deepEqual(await dataOf(box, "search_nodes", { query: "large 5" }), {
      entities: [large[5]],
      relations: [],
    });
  }));

Deno.test("a brain that is full keeps what it has, and the same call later does the rest", async () => {
  const disk = new SimulatedDisk();
  const entities = [ANNA, ACME, { ...ANNA, name: "Bob" }];
  await withApp(async (app) => {
    const box = boxOf(app);
    assert.equal(
      await errorOf(box, "create_entities", { entities }),
      "Cannot store more memories: 2 of 2 are there; delete some or raise MAX_MEMORIES",
    );
    assert.deepEqual((await dataOf(box, "read_graph", {})).entities, entities.slice(0, 2));
  }, { disk, limits: { memories: 2, bytes: 0 } });
  await withApp(async (app) => {
    const box = boxOf(app);
    assert.deepEqual(await dataOf(box, "create_entities", { entities }), {
      entities: entities.slice(2),
    });
    assert.deepEqual((await dataOf(box, "read_graph", {})).entities, entities);
  }, { disk, firstId: 1_000_000 });
});

Deno.test("calls that nobody waits for any more are not carried out, and only so many wait", () =>
  withApp(async (app) => {
    const box = boxOf(app);
    const { promise, resolve } = Promise.withResolvers<void>();
    const { memories } = app.brain;
    const create = memories.create.bind(memories);
    memories.create = async (...asked) => {
      await promise;
      return await create(...asked);
    };
    const entities = [{ ...ANNA, name: "first" }, { ...ANNA, name: "second" }];
    const leaving = new AbortController();
    const make = (n: number) => {
      const call = {
        name: "create_entities",
        arguments: { entities: [{ ...ACME, name: `${n}` }] },
      };
      return callTool(box, call, n === 0 ? new AbortController().signal : leaving.signal);
    };
    const first = callTool(
      box,
      { name: "create_entities", arguments: { entities } },
      leaving.signal,
    );
    await drain();
    const others = Array.from({ length: 64 }, (_, n) => make(n));
    assert.equal(
      await errorOf(box, "create_entities", { entities }),
      "Cannot change the graph now: 64 others wait for it; try again later",
    );
    leaving.abort();
    await Promise.all([first, ...others.slice(1)]);
    resolve();
    await others[0];
    const names = (await dataOf(box, "read_graph", {})).entities.map(({ name }: Json) => name);
    assert.deepEqual(names, ["first", "0"]);
    await dataOf(box, "create_entities", { entities });
  }));
