/** Memories made of what is said: what the model is asked, and how little of it is believed. */
import assert from "node:assert/strict";
import { ChatModelError } from "../src/chat_model.ts";
import { Extraction } from "../src/extraction.ts";
import type { Search } from "../src/search.ts";
import { type HttpApp, type Json, NOW, withApp } from "./http_app.ts";
import { eventually } from "./e2e/conditions.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { add, ask, FakeChatModel, mem0Setup, told } from "./mem0_kit.ts";

const SAID = [
  { role: "system", content: "Be kind." },
  { role: "user", content: "I moved to Graz yesterday." },
  { role: "assistant", content: "How nice!" },
];
const START = "Cannot draw memories out of the conversation: ";
const AS_IT_IS = "or keep the conversation as it is, with infer false";

async function withModel(
  test: (app: HttpApp, model: FakeChatModel, clock: FakeClock) => Promise<void>,
) {
  const clock = new FakeClock();
  await clock.advance(Date.parse(NOW));
  const model = new FakeChatModel();
  await withApp((app) => test(app, model, clock), mem0Setup({ clock, model }));
}

async function addAll(app: HttpApp, more: Json = {}): Promise<string[]> {
  const json = { messages: SAID, user_id: "ada", ...more };
  const { results } = await told(200, app, "POST", "/v3/memories/add/", json);
  return results.map(({ memory }: Json) => memory);
}

const answerOf = (...texts: string[]) =>
  JSON.stringify({ memories: texts.map((text) => ({ text })) });

Deno.test("what the model finds worth keeping becomes memories of whoever said it", async () => {
  await withModel(async (app, model) => {
    model.answer = answerOf("Ada moved to Graz on 30 January 2026.", "Ada likes tea.");
    const json = { messages: SAID, user_id: "ada", run_id: "r1", metadata: { source: "phone" } };
    const added = await told(200, app, "POST", "/v3/memories/add/", json);
    assert.equal(added.message, "Memories stored successfully");
    const { results } = await told(200, app, "POST", "/v3/memories/", {});
    assert.deepEqual(
      results.map(({ memory, user_id, run_id, metadata }: Json) => [
        ...[memory, user_id, run_id, metadata],
      ]),
      ["Ada likes tea.", "Ada moved to Graz on 30 January 2026."]
        .map((text) => [text, "ada", "r1", { source: "phone" }]),
    );
    assert.deepEqual(added.results.map(({ memory }: Json) => memory), [
      "Ada moved to Graz on 30 January 2026.",
      "Ada likes tea.",
    ]);
  });
});

Deno.test("the model gets what was said, what is known, and the time, as data", async () => {
  await withModel(async (app, model) => {
    await add(app, "Ada lives in Linz, which she moved to.", { user_id: "ada" });
    await add(app, "Bob moved to Wels.", { user_id: "bob" });
    const wishes = { custom_instructions: "No addresses.", includes: "moves", excludes: "tea" };
    await addAll(app, { timestamp: 1_700_000_000, ...wishes });
    const [asked] = model.asked;
    assert.equal(model.asked.length, 1);
    assert.deepEqual(JSON.parse(asked?.question ?? ""), {
      now: "2023-11-14T22:13:20.000Z",
      known: ["Ada lives in Linz, which she moved to."],
      conversation: SAID.slice(1),
    });
    const asks = "No addresses.\nOnly what is about: moves\nNothing about: tea";
    assert.ok(asked?.instructions.endsWith(`Whoever runs this also asks:\n${asks}`));
    assert.ok(!asked?.instructions.includes("Linz"));
  });
});

Deno.test("what is known, or said twice, is kept once; what is around the answer is left away", async () => {
  await withModel(async (app, model) => {
    await add(app, "Ada moved to Graz.", { user_id: "ada" });
    model.answer = `Here it is:\n\`\`\`json\n${
      answerOf("ada  moved to GRAZ.", "Ada is happy.", "Ada is happy.")
    }\n\`\`\``;
    assert.deepEqual(await addAll(app), ["Ada is happy."]);
    model.answer = answerOf();
    assert.deepEqual(await addAll(app), []);
  });
});

Deno.test("of the categories that are offered those that fit become tags, and no others", async () => {
  await withModel(async (app, model) => {
    const categories = ["places", "made up", "places"];
    model.answer = JSON.stringify({ memories: [{ text: "Ada moved to Graz.", categories }] });
    await addAll(app, {
      custom_categories: [{ places: "where people are" }, { food: "and drink" }],
    });
    const { results } = await told(200, app, "POST", "/v3/memories/", {});
    assert.deepEqual(results[0].categories, ["places"]);
    assert.match(model.asked[0]?.instructions ?? "", /- "places": where people are\n- "food": and/);
  });
});

Deno.test("an answer that is none, or a model that is away, keeps nothing and says what to do", async () => {
  const again = (state: string) => `${START}${state}; try again, ${AS_IT_IS}`;
  const unusable = again("what the chat model answered is not what it was asked for");
  const FAULTS: readonly (readonly [string | Error, number, string, string])[] = [
    ["I cannot.", 503, "overloaded", unusable],
    ['{"memories": "none"}', 503, "overloaded", unusable],
    ['{"memories": [{"text": " "}]}', 503, "overloaded", unusable],
    ["} {", 503, "overloaded", unusable],
    [
      new ChatModelError("retry", "Cannot ask the chat model: the provider answered 500"),
      ...[503, "overloaded", again("the provider answered 500")] as const,
    ],
    [
      new ChatModelError("config", "Cannot ask the chat model: the provider answered 401"),
      ...[503, "not_ready"] as const,
      `${START}the provider answered 401; whoever runs this must look at CHAT_MODEL and its ` +
      `provider, ${AS_IT_IS}`,
    ],
    [
      new ChatModelError("input", "Cannot ask the chat model: the provider answered 400"),
      ...[400, "invalid", `${START}the provider answered 400; shorten it, ${AS_IT_IS}`] as const,
    ],
  ];
  await withModel(async (app, model) => {
    for (const [answer, status, error, detail] of FAULTS) {
      model.answer = answer;
      const reply = await ask(app, "POST", "/v3/memories/add/", { json: { messages: SAID } });
      assert.deepEqual([reply.status, reply.body], [status, { error, detail }]);
      const retry = error === "overloaded" ? "5" : null;
      assert.equal(reply.headers.get("retry-after"), retry);
    }
    assert.deepEqual(await app.ids(), []);
  });
});

Deno.test("a conversation that no model would read is refused", async () => {
  await withModel(async (app, model) => {
    const long = "x".repeat(200_001);
    const body = await told(413, app, "POST", "/v3/memories/add/", { messages: long });
    assert.equal(body.detail, `${START}it has more than 200000 characters; send it in parts`);
    assert.equal(model.asked.length, 0);
  });
});

Deno.test("what of an answer is usable is kept, whatever is around it", async () => {
  const one = answerOf("One.");
  const facts = Array.from({ length: 51 }, (_, n) => `Fact ${n}.`);
  const ANSWERS: readonly (readonly [string, readonly string[]])[] = [
    [answerOf(...facts), facts.slice(0, 50)],
    [answerOf("One.", " ", "x".repeat(100_001)), ["One."]],
    ['{"memories": ["One.", 2, null]}', ["One."]],
    ['{"memories": [{"text": "One.", "categories": "none"}, {"fact": 1}]}', ["One."]],
    [`<think>{"memories": []} or {so}?</think>${one}`, ["One."]],
    [`\`\`\`json\n${one}\n\`\`\`\nI left {small talk} out.`, ["One."]],
    [`{"a draft": 1} ${answerOf('Say {"memories": [}.', "Or }")} {`, [
      'Say {"memories": [}.',
      "Or }",
    ]],
    ['{"memories": [{"text": "half \\ud800 of it"}]}', ["half \ufffd of it"]],
  ];
  for (const [answer, texts] of ANSWERS) {
    await withModel(async (app, model) => {
      model.answer = answer;
      assert.deepEqual(await addAll(app), texts, answer.slice(0, 200));
    });
  }
});

Deno.test("what cannot be kept is refused before the model is asked", async () => {
  await withModel(async (app, model) => {
    const REFUSED: readonly (readonly [Json, string])[] = [
      [{ metadata: { m: "x".repeat(70_000) } }, '"/metadata" must be at most'],
      [{ custom_categories: [{ ["c".repeat(65)]: "" }] }, '"/custom_categories/0" must have at'],
      [
        { custom_categories: Array.from({ length: 51 }, (_, n) => ({ [`c${n}`]: "" })) },
        '"/custom_categories" must have at most 50 tags',
      ],
    ];
    for (const [more, state] of REFUSED) {
      const json = { messages: SAID, ...more };
      const { detail } = await told(400, app, "POST", "/v3/memories/add/", json);
      const start = `Cannot take the request: ${state}`;
      assert.equal(detail.slice(0, start.length), start);
    }
    assert.deepEqual(model.asked, []);
  });
});

Deno.test("of a long conversation the end is what is looked up", async () => {
  const asked: (readonly string[])[] = [];
  const search: Pick<Search, "run"> = {
    run({ queries }) {
      asked.push(queries);
      return Promise.resolve(
        { results: [], total: 0, mode: "keyword", degraded: null, tookMs: 0 },
      );
    },
  };
  const extraction = new Extraction({ model: new FakeChatModel(), search, clock: new FakeClock() });
  const turns = [{ role: "user", content: `x${"y".repeat(9_998)}z` }, {
    role: "user",
    content: "w",
  }];
  const { signal } = new AbortController();
  assert.deepEqual(await extraction.run({ turns, filter: {}, at: NOW }, signal), []);
  assert.deepEqual(asked, [[`${"y".repeat(9_997)}z\nw`]]);
});

Deno.test("of many at once some wait for their turn, and are sent away if it does not come", async () => {
  await withModel(async (app, model, clock) => {
    const answers: ((answer: string) => void)[] = [];
    model.reply = () => {
      const { promise, resolve } = Promise.withResolvers<string>();
      answers.push(resolve);
      return promise;
    };
    const statuses: number[] = [];
    const sent = Array.from({ length: 37 }, async () => {
      const reply = await ask(app, "POST", "/v3/memories/add/", { json: { messages: SAID } });
      statuses.push(reply.status);
      return reply.body;
    });
    const most = await Promise.race(sent);
    const detail = `${START}too many others are waiting to be read; try again, ${AS_IT_IS}`;
    assert.deepEqual([most, statuses], [{ error: "overloaded", detail }, [503]]);
    await eventually(5_000, "four are asked", () => answers.length === 4 || undefined);
    answers[0]?.(answerOf());
    await eventually(5_000, "the next is asked", () => answers.length === 5 || undefined);
    await clock.advance(30_000);
    await eventually(5_000, "others are sent away", () => statuses.length === 33 || undefined);
    for (const answer of answers) answer(answerOf());
    await Promise.all(sent);
    assert.deepEqual(statuses.toSorted(), [...Array(5).fill(200), ...Array(32).fill(503)]);
    model.reply = () => Promise.resolve(answerOf());
    assert.deepEqual(await addAll(app), []);
  });
});

Deno.test("without a model, what is said is kept as it is, and the answer says so", async () => {
  const clock = new FakeClock();
  await withApp(async (app) => {
    const json = { messages: SAID };
    const added = await told(200, app, "POST", "/v3/memories/add/", json);
    assert.equal(
      added.message,
      "Memories stored as they are: no chat model is set here (CHAT_MODEL)",
    );
    assert.deepEqual(added.results.map(({ memory }: Json) => memory), [
      "I moved to Graz yesterday.",
      "How nice!",
    ]);
  }, mem0Setup({ clock }));
});
