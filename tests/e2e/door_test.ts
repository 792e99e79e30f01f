/** The door of a real process: its settings, and wrong keys by the hundred beside the right one. */
import assert from "node:assert/strict";
import { KEY, Place, type Program } from "./program.ts";
import { RawClient } from "./raw.ts";

async function statusOf(program: Program, line: string, ...headers: string[]): Promise<number> {
  using client = await RawClient.connect(program.port);
  const all = [`${line} HTTP/1.1`, ...headers, "Connection: close"];
  await client.send(`${all.join("\r\n")}\r\n\r\n`);
  return await client.status(20_000);
}

const AUTH = `X-API-Key: ${KEY}`;
const NOTES = "https://notes.example.com";

Deno.test("names and origins that are listed are let in, others not, as the settings say", async () => {
  await using place = new Place();
  const plain = await place.serve();
  assert.equal(await statusOf(plain, "GET /stats", "Host: brain.example.com", AUTH), 421);
  assert.equal(await statusOf(plain, "GET /health/live", "Host: brain.example.com"), 421);
  assert.equal(await statusOf(plain, "GET /stats", "Host: localhost", AUTH), 200);
  assert.equal(
    await statusOf(plain, "GET /stats", "Host: localhost", AUTH, `Origin: ${NOTES}`),
    403,
  );
  const own = `127.0.0.1:${plain.port}`;
  assert.equal(
    await statusOf(plain, "GET /stats", `Host: ${own}`, AUTH, `Origin: http://${own}`),
    200,
  );
  await plain.stop();

  const listed = await place.serve({ ALLOWED_HOSTS: "Brain.example.com", CORS_ORIGINS: NOTES });
  assert.equal(await statusOf(listed, "GET /stats", "Host: brain.example.com:443", AUTH), 200);
  assert.equal(await statusOf(listed, "GET /stats", "Host: evil.example", AUTH), 421);
  const page = ["Host: localhost", `Origin: ${NOTES}`];
  const asks = "Access-Control-Request-Method: POST";
  assert.equal(await statusOf(listed, "OPTIONS /memories", ...page, asks), 204);
  assert.equal(await statusOf(listed, "GET /stats", ...page, AUTH), 200);
  assert.equal(await statusOf(listed, "GET /stats", ...page), 401);
  await listed.stop();

  const open = await place.serve({ HOST: "0.0.0.0" });
  assert.equal(await statusOf(open, "GET /stats", "Host: second-brain.default.svc", AUTH), 200);
});

/** Whether this machine can listen on an IPv4 address in the form of an IPv6 one. */
function hasMapped(): boolean {
  try {
    Deno.listen({ hostname: "::ffff:127.0.0.1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("however loopback is spelled, a name that is led here is refused", async () => {
  await using place = new Place();
  const spellings = ["LOCALHOST", "127.1", "127.0.0.9", ...hasMapped() ? ["::ffff:127.0.0.1"] : []];
  for (const spelling of spellings) {
    const program = place.launch({ HOST: spelling });
    await program.listening();
    using client = await RawClient.connect(program.port, spelling);
    await client.send("GET /health/live HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert.deepEqual([spelling, await client.status()], [spelling, 421]);
    await program.stop();
  }
});

Deno.test("three hundred wrong keys at once are slowed or refused, and the right one never waits", async () => {
  await using place = new Place();
  const program = await place.serve();
  const began = performance.now();
  const wrong = Array.from({ length: 300 }, async (_, n) => {
    const { status } = await program.ask("GET", "/stats", undefined, {
      Authorization: `Bearer ${n}`,
    });
    return { status, ms: performance.now() - began };
  });
  const right: number[] = [];
  for (let n = 0; n < 20; n++) {
    const asked = performance.now();
    await program.want(200, "GET", "/stats");
    right.push(performance.now() - asked);
  }
  const answers = await Promise.all(wrong);
  const refused = answers.filter(({ status }) => status === 429).length;
  const slowest = Math.max(...answers.map(({ ms }) => ms));
  console.log(
    `${refused} refused, the last of the others after ${slowest.toFixed()} ms; the right key ` +
      `waited for at most ${Math.max(...right).toFixed()} ms`,
  );
  assert.ok(answers.every(({ status }) => status === 401 || status === 429));
  assert.ok(refused >= 100 && slowest > 2_000, `${refused} refused, the last after ${slowest} ms`);
  assert.ok(Math.max(...right) < 3_000, right.join());
});
