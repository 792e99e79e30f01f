/** The real program on data that was damaged, and on folders in which a name leads elsewhere. */
import assert from "node:assert/strict";
import { KEY, Place, type Program } from "./program.ts";

/** Two memories, a crash, and one byte of the first changed. */
async function damage(place: Place): Promise<void> {
  const program = await place.serve();
  await program.want(201, "POST", "/memories", { content: "garden fence" });
  await program.want(201, "POST", "/memories", { content: "winter coat" });
  await program.crash();
  const path = place.path("journal/000001.log");
  const text = await Deno.readTextFile(path);
  assert.ok(text.includes("garden"));
  await Deno.writeTextFile(path, text.replace("garden", "gardem"));
}

async function integrityOf(program: Program): Promise<unknown> {
  const health = await program.want(200, "GET", "/health");
  const stats = await program.want(200, "GET", "/stats");
  assert.equal(health.at("checks", "integrity"), stats.at("integrity", "status"));
  return stats.at("integrity", "status");
}

Deno.test("damage: by the policy a start is refused, or reads only, or serves, until acknowledged", async () => {
  await using place = new Place();
  await damage(place);
  for (let starts = 0; starts < 2; starts++) {
    const refused = await place.run([], {
      env: { PORT: "0", CONTAINER_API_KEY: KEY, ON_CORRUPTION: "refuse" },
    });
    assert.equal(refused.code, 65);
    assert.match(refused.err, /^Cannot open the data folder: .*ON_CORRUPTION=serve.*\n$/);
  }
  const reader = await place.serve({ ON_CORRUPTION: "readonly" });
  assert.equal((await reader.want(200, "GET", "/memories")).at("total"), 1);
  const no = await reader.want(503, "POST", "/memories", { content: "x" });
  assert.equal(no.at("type"), "urn:second-brain:error:read_only");
  await reader.want(200, "GET", "/health/ready");
  assert.equal((await reader.stop()).code, 0);
  const served = await place.serve();
  await served.want(201, "POST", "/memories", { content: "rain barrel" });
  assert.equal(await integrityOf(served), "degraded");
  assert.equal((await served.stop()).code, 0);
  const again = await place.serve({ ON_CORRUPTION: "readonly" });
  assert.equal(await integrityOf(again), "degraded", "also when the snapshot is whole by now");
  await again.want(503, "POST", "/memories", { content: "x" });
  await again.want(200, "POST", "/admin/integrity/ack");
  assert.equal(await integrityOf(again), "ok");
  await again.want(201, "POST", "/memories", { content: "bird house" });
  await again.crash();
  const well = await place.serve({ ON_CORRUPTION: "refuse" });
  assert.equal(await integrityOf(well), "ok");
  assert.equal((await well.want(200, "GET", "/memories")).at("total"), 3);
});

Deno.test("a link under a name of ours ends with 73 and is not followed", async () => {
  for (const name of ["exports", "journal", "quarantine", ".lock", "memories.json"]) {
    await using place = new Place();
    const elsewhere = await Deno.makeTempDir({ prefix: "elsewhere-" });
    await Deno.symlink(elsewhere, place.path(name));
    const env = { PORT: "0", CONTAINER_API_KEY: KEY };
    const { code, err } = await place.run([], { env });
    assert.equal(code, 73, `${name}: ${err}`);
    assert.ok(err.startsWith(`Cannot use the data folder: "${name}" in it is a link`), err);
    assert.deepEqual([...Deno.readDirSync(elsewhere)], []);
    await Deno.remove(elsewhere);
  }
});
