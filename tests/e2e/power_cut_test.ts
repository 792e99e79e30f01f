/**
 * The power goes, on a real ext4 and a real XFS. `deno task torture --only power` makes it a
 * thousand cuts; E2E_SEED repeats the choices of a run (though not the very moment of its cuts).
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { within } from "./conditions.ts";
import { dieOften } from "./deaths.ts";
import { Trial } from "./crash_trial.ts";
import { cutAfterFirstWrites, powerCuts } from "./power_cuts.ts";
import { KEY, Place, Program } from "./program.ts";
import { KINDS, TestDisk, whyNoDisk } from "./test_disk.ts";

const CUTS = Number(Deno.env.get("E2E_POWER_CUTS") ?? 8);
const SEED = Number(Deno.env.get("E2E_SEED") ?? Math.floor(Math.random() * 2 ** 31));
const FIRST_WRITES = 2;
const UNSYNCED_LIVES = 8;

const servers = fileURLToPath(new URL("../bench/servers.ts", import.meta.url));
const config = fileURLToPath(new URL("../../deno.json", import.meta.url));

for (const kind of KINDS) {
  const why = await whyNoDisk(kind);
  const test = (name: string, fn: () => Promise<void>) =>
    Deno.test({
      name: `${kind}: ${name}${why === undefined ? "" : ` (skipped: ${why})`}`,
      ignore: why !== undefined,
      fn,
    });

  test("no acknowledged write is lost, however often the power is cut", async () => {
    await using place = new Place();
    await using disk = await TestDisk.make(kind, place.folder);
    console.log(`E2E_SEED=${SEED}, ${CUTS} cuts on ${kind}`);
    const tally = await dieOften(powerCuts(place, disk, SEED), { seed: SEED, deaths: CUTS });
    console.log(JSON.stringify({ ...tally, readyMs: Math.round(Math.max(...tally.readyMs)) }));
  });

  test("the first writes of all, in a new folder, outlive a power cut", async () => {
    await using place = new Place();
    await using disk = await TestDisk.make(kind, place.folder);
    for (let i = 0; i < FIRST_WRITES; i++) await cutAfterFirstWrites(place, disk, SEED + i);
  });

  test("the cut bites: a brain that does not sync is caught losing what it acknowledged", async () => {
    await using place = new Place();
    await using disk = await TestDisk.make(kind, place.folder);
    const launched: Program[] = [];
    const launch = (folder: string) => {
      const program = launchUnsynced(place, folder);
      launched.push(program);
      return program;
    };
    const { folder, strike, rise, ...ground } = powerCuts(place, disk, SEED, launch);
    const trial = new Trial({ launch: ground.launch, folder, seed: SEED });
    let fault: unknown;
    try {
      for (let i = 0; i < UNSYNCED_LIVES; i++) {
        const program = await trial.recover();
        await trial.write(program, 40, () => strike(program));
        await rise();
      }
    } catch (error) {
      fault = error;
    }
    if (CAUGHT.test(String(fault))) return;
    const last = launched.at(-1);
    assert.ok(last !== undefined && fault !== undefined, "nothing was lost");
    await within(5_000, last.ended, () => `that it ends; ${fault}`);
    assert.match(last.err, /Cannot open the data folder/, String(fault));
  });
}

/** Lost, half lost, or damaged; a start may also refuse what it finds. */
const CAUGHT = /was acknowledged|done by half|"integrity":"degraded"|it ended with/;

/** The brain as it is, on a file system whose fsync does nothing. */
function launchUnsynced(place: Place, folder: string): Program {
  Deno.mkdirSync(folder, { recursive: true });
  const args = ["run", "--quiet", `--config=${config}`, "-A", servers, "unsynced", "0", folder];
  const env = { CONTAINER_API_KEY: KEY };
  return new Program(place.spawn([], { env, instead: [Deno.execPath(), ...args] }), KEY);
}
