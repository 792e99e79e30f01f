/** The log: JSON lines and nothing else, one for each event, and no word of what anybody said. */
import assert from "node:assert/strict";
import { eventually } from "./conditions.ts";
import { Place } from "./program.ts";
import { RawClient } from "./raw.ts";

const CANARY = "canary-8f2e61";
const BREAKOUT = `${CANARY}\n{"time":"2026-01-01","level":"info","event":"forged"}\r\x1b[31m\u2028`;

type Request = readonly [number, string, string, unknown?, Record<string, string>?];

/** Whatever may be said to the service, and the canary in all of it. */
function rudeRequests(id: string, memory: object): readonly Request[] {
  return [
    [200, "GET", `/memories/${id}`],
    [200, "GET", `/memories?tag=${CANARY}-tag`],
    [200, "PATCH", `/memories/${id}`, { content: `${CANARY} again` }],
    [412, "PATCH", `/memories/${id}`, { content: CANARY }, { "If-Match": `"${CANARY}"` }],
    [409, "POST", "/memories", { id, content: CANARY }],
    [400, "GET", `/memories?${CANARY}=1`],
    [400, "POST", "/memories", `{"content":"${CANARY}`],
    [422, "POST", "/memories", { content: "x", [CANARY]: CANARY }],
    [404, "GET", `/${CANARY}`],
    [404, "GET", `/memories/${CANARY}`],
    [415, "POST", "/memories", CANARY, { "Content-Type": `text/${CANARY}` }],
    [200, "POST", "/search", { query: BREAKOUT }],
    [200, "POST", "/search", { query: CANARY, filters: { metadata: { [CANARY]: CANARY } } }],
    [422, "POST", "/search", { query: CANARY, mode: "semantic" }],
    [200, "POST", "/import", [memory]],
    [422, "POST", "/import", [{ content: "", id: CANARY, tags: CANARY }]],
    [401, "GET", "/stats", undefined, { Authorization: `Bearer ${CANARY}-wrong` }],
    [200, "GET", "/health/live", undefined, { "X-Request-ID": "sane-id-1" }],
  ];
}

Deno.test("one JSON line an event, with neither key nor content, query, tag or metadata in it", async () => {
  await using place = new Place();
  const key = `${CANARY}-key-of-length`;
  const program = await place.serve({ CONTAINER_API_KEY: key, LOG_LEVEL: "debug" });
  const memory = {
    content: BREAKOUT,
    tags: [`${CANARY}-tag`],
    metadata: { [`${CANARY}-name`]: BREAKOUT },
  };
  const { text } = await program.want(201, "POST", "/memories", memory, {
    "Idempotency-Key": `${CANARY}-idempotency`,
  });
  const { id } = JSON.parse(text);
  const requests = rudeRequests(id, memory);
  for (const [status, method, path, body, headers] of requests) {
    await program.want(status, method, path, body, headers);
  }
  using rude = await RawClient.connect(program.port);
  await rude.send(
    `GET /${CANARY} HTTP/1.1\r\nHost: ${CANARY}\r\nX: ${CANARY}\n${CANARY}: 1\r\n\r\n`,
  );
  await rude.closedByPeer(10_000);
  const count = () => program.log.filter(({ event }) => event === "request").length;
  await eventually(5_000, "a line for each", () => count() > requests.length ? true : undefined);
  const ids = program.log.map((line) => line["request_id"]).filter((id) => id !== undefined);
  assert.equal(new Set(ids).size, ids.length, "no event twice");
  assert.ok(ids.includes("sane-id-1"));
  assert.equal((await program.stop()).code, 0);

  assert.ok(program.out.endsWith("\n"));
  for (const { time, level, event } of program.log) {
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.match(level, /^(debug|info|warn|error)$/);
    assert.match(event, /^[a-z_]+$/);
    assert.notEqual(event, "forged");
  }
  assert.equal(program.err, "");
  assert.ok(!program.out.includes(CANARY), program.out);
  assert.ok(!program.out.includes("unexpected"), program.out);
  const names = program.log.map(({ event }) => event).filter((event) => event !== "request");
  assert.deepEqual(names, ["listening", "ready", "words_ready", "stopping", "stopped"]);
});

Deno.test("a log that nobody reads any more does not end the service", async () => {
  await using place = new Place();
  const program = await place.serve({ LOG_LEVEL: "debug" });
  await program.stopReadingLog();
  for (let i = 0; i < 50; i++) await program.want(201, "POST", "/memories", { content: `${i}` });
  assert.equal((await program.want(200, "GET", "/memories")).at("total"), 50);
});

Deno.test("a log whose reader is stuck stalls neither the service nor its end", async () => {
  await using place = new Place();
  const program = await place.serve({ LOG_LEVEL: "debug" });
  const letGo = program.holdLog();
  // More than the pipe between them holds, and the reader's own buffers.
  const longId = { "X-Request-ID": "a".repeat(128) };
  for (let i = 0; i < 40; i++) {
    const asks = Array.from(
      { length: 50 },
      () => program.want(200, "GET", "/health", undefined, longId),
    );
    await Promise.all(asks);
  }
  program.kill("SIGTERM");
  assert.equal(await program.exitCode(10_000), 0);
  letGo();
  await program.ended;
});
