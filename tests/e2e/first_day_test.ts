/** The first day with a brain, as a person lives it; everything else is a variation of this. */
import assert from "node:assert/strict";
import { Place, type Program } from "./program.ts";

const NOTES = [
  { content: "The garden fence wants paint before the winter.", tags: ["house"] },
  { content: "Oma's birthday is the ninth of March.", memory_type: "episodic" },
  { content: "Fold the dough four times, resting it for half an hour between." },
];

function keyIn(err: string): string {
  return /^ {2}export KEY=(\S+)$/m.exec(err)?.[1] ?? assert.fail(`no key in: ${err}`);
}

async function contents(program: Program): Promise<unknown[]> {
  const { text } = await program.want(200, "POST", "/export", { format: "ndjson" });
  return text.trim().split("\n").map((line) => JSON.parse(line).content);
}

Deno.test("a first day: what was stored outlives kill -9 and a stop, and the key is shown by the start that made it", async () => {
  await using place = new Place();
  const noKey = { CONTAINER_API_KEY: "" };
  const first = await place.serve(noKey);
  first.key = keyIn(first.err);
  assert.match(first.key, /^[\w-]{43}$/);
  assert.ok(first.err.includes(`http://127.0.0.1:${first.port}/stats`), first.err);
  assert.equal((await Deno.stat(place.path(".api-key"))).mode! & 0o777, 0o600);
  assert.equal(
    (await fetch(`${first.url}/stats`).then((reply) => reply.text())).includes("401"),
    true,
  );

  for (const note of NOTES) await first.want(201, "POST", "/memories", note);
  const found = await first.want(200, "POST", "/search", { query: "painting the fence" });
  assert.equal(found.at("results", 0, "memory", "content"), NOTES[0]?.content);
  assert.equal(found.at("mode"), "keyword");
  assert.equal((await first.want(200, "GET", "/memories?tag=house")).at("total"), 1);
  const stored = await contents(first);
  assert.deepEqual(stored.toSorted(), NOTES.map(({ content }) => content).toSorted());
  await first.crash();

  const second = await place.serve(noKey);
  assert.equal(second.err, `The key is in ${place.path(".api-key")}.\n`);
  second.key = first.key;
  assert.deepEqual(await contents(second), stored);
  const { code, ms } = await second.stop();
  assert.equal(code, 0, `stopped after ${ms} ms`);
  assert.equal(second.log.at(-1)?.event, "stopped");

  const snapshot = JSON.parse(await Deno.readTextFile(place.memories));
  assert.equal(snapshot.memories.length, NOTES.length);
  const journals = [...Deno.readDirSync(place.path("journal"))].map(({ name }) => name).sort();
  const last = await Deno.readTextFile(place.path(`journal/${journals.at(-1)}`));
  assert.equal(last.trimEnd().split("\n").length, 1, "only the header");

  const third = await place.serve(noKey);
  third.key = first.key;
  assert.equal(third.event("recovery"), undefined, "nothing had to be mended");
  assert.deepEqual(await contents(third), stored);
  assert.equal((await third.stop()).code, 0);
});

Deno.test("a first start that could not listen leaves nobody without the key: the next one says where it is", async () => {
  await using place = new Place();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const MEMORY_PERSIST_PATH = "./memories.json";
  const noKey = { CONTAINER_API_KEY: "", MEMORY_PERSIST_PATH };
  const { code, err } = await place.run([], { env: { ...noKey, PORT: String(taken.addr.port) } });
  assert.equal(code, 1);
  assert.match(err, /^Cannot listen[^\n]*\n$/);
  const program = await place.serve(noKey);
  assert.equal(program.err, "The key is in .api-key.\n", "as the person named the folder");
  program.key = (await Deno.readTextFile(place.path(".api-key"))).trim();
  assert.equal((await program.want(200, "GET", "/stats")).at("total_memories"), 0);
  assert.equal((await program.stop()).code, 0);
});

Deno.test("the very first start makes its folder, and the key in it", async () => {
  await using place = new Place();
  const path = place.path("new/data/memories.json");
  const program = await place.serve({ CONTAINER_API_KEY: "", MEMORY_PERSIST_PATH: path });
  program.key = keyIn(program.err);
  assert.equal((await Deno.readTextFile(place.path("new/data/.api-key"))).trim(), program.key);
  await program.want(201, "POST", "/memories", NOTES[0]);
  assert.equal((await program.stop()).code, 0);
});
