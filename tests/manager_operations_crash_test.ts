/** Whatever call a program dies at, another one goes on, and nobody can tell afterwards. */
import { type Crashing, dieEverywhere } from "./manager/crashes.ts";
import {
  PATIENT,
  type Program,
  signedUp,
  waited,
  type World,
  world,
  type WorldOptions,
} from "./manager/kit.ts";

const runs = (here: World, program: Program) => signedUp(here, program);

async function suspended(here: World, program: Program): Promise<void> {
  await signedUp(here, program);
  await waited(here, program.manager.suspendUser("ada", PATIENT));
}

const once = { ...PATIENT, idempotencyKey: "once" };

/** No machine has so much memory, and none will: the way back is taken. */
const small: WorldOptions = {
  cluster: { node: { memoryBytes: 1.5 * 2 ** 30, cpuMillis: 4_000 }, resize: false },
};

type Case = Omit<Crashing, "world" | "ends"> & {
  readonly ends?: string;
  readonly sample?: number;
  readonly options?: WorldOptions;
};

const CASES: Readonly<Record<string, Case>> = {
  create: {
    before: () => Promise.resolve(),
    ask: ({ manager }) => manager.createUser("ada", { tier: "free", ...once }),
  },
  "upgrade, in place": {
    before: runs,
    ask: ({ manager }) => manager.upgradeUser("ada", { tier: "pro", ...once }),
  },
  "upgrade, with another pod": {
    before: (here, program) => signedUp(here, program, "ada", "pro"),
    ask: ({ manager }) => manager.upgradeUser("ada", { tier: "enterprise", ...once }),
  },
  "upgrade, of one who is suspended": {
    before: suspended,
    ask: ({ manager }) => manager.upgradeUser("ada", { tier: "pro", ...once }),
  },
  downgrade: {
    before: (here, program) => signedUp(here, program, "ada", "pro"),
    ask: ({ manager }) => manager.upgradeUser("ada", { tier: "free", ...once }),
  },
  "upgrade, refused, and back": {
    before: runs,
    ask: ({ manager }) => manager.upgradeUser("ada", { tier: "pro", ...once }),
    ends: "rolled_back",
    options: { cluster: { allowVolumeExpansion: false } },
  },
  // Ten minutes of asking lie in it: not at every call of those.
  "upgrade, tried, and back": {
    before: runs,
    ask: ({ manager }) => manager.upgradeUser("ada", { tier: "pro", ...once }),
    ends: "rolled_back",
    options: small,
    sample: 3,
  },
  suspend: { before: runs, ask: ({ manager }) => manager.suspendUser("ada", once) },
  resume: { before: suspended, ask: ({ manager }) => manager.resumeUser("ada", once) },
  restart: { before: runs, ask: ({ manager }) => manager.restartUser("ada", once) },
  "rotate the key": { before: runs, ask: ({ manager }) => manager.rotateKey("ada", once) },
};

for (const [name, { options, ends, ...crashing }] of Object.entries(CASES)) {
  Deno.test(`${name}: the program may die at any call`, async () => {
    const ending = ends ?? (name === "create" ? "created" : "done");
    await dieEverywhere({ ...crashing, ends: ending, world: () => world(options) });
  });
}
