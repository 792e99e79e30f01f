/** Tests that run with every commit, for longer: the same files, told so by their environment. */
import { fileURLToPath } from "node:url";
import type { Row } from "./simulated.ts";

interface Suite {
  readonly name: string;
  readonly file: string;
  /** The variable that says how much, and how much that is. */
  readonly variable: string;
  readonly sample: number;
  readonly full: number;
  readonly unit: string;
}

export const SUITES = {
  order: {
    name: "16 clients at the same memories, killed: every answer has its place in one order",
    file: "tests/e2e/linearizable_test.ts",
    variable: "E2E_LIVES",
    sample: 20,
    full: 500,
    unit: "kills",
  },
  stopped: {
    name: "a process that is stopped under load and goes on later",
    file: "tests/e2e/crash_test.ts",
    variable: "E2E_STOPPED_MS",
    sample: 5_000,
    full: 60_000,
    unit: "ms",
  },
  fuzz: {
    name: "made-up requests, held against the OpenAPI document and a model",
    file: "tests/http_fuzz_test.ts",
    variable: "FUZZ_REQUESTS",
    sample: 100_000,
    full: 1_000_000,
    unit: "requests",
  },
  manager: {
    name: "users of the manager on a cluster with bad days",
    file: "tests/manager_simulation_test.ts",
    variable: "MANAGER_USERS",
    sample: 1_000,
    full: 10_000,
    unit: "users",
  },
} as const satisfies Readonly<Record<string, Suite>>;

export type SuiteName = keyof typeof SUITES;

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Throws where a test fails; what it printed is passed on. */
export async function runSuite(
  suiteName: SuiteName,
  isFull: boolean,
  rounds: number | undefined,
  seed: number,
): Promise<Row> {
  const { name, file, variable, unit, ...size }: Suite = SUITES[suiteName];
  const count = rounds ?? (isFull ? size.full : size.sample);
  const env = { [variable]: String(count), TEST_SEED: String(seed), E2E_SEED: String(seed) };
  const command = `${Object.entries(env).map(([key, value]) => `${key}=${value}`).join(" ")} ` +
    `deno test -A ${file}`;
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", file],
    cwd: root,
    env,
    stderr: "inherit",
  }).output();
  const text = new TextDecoder().decode(stdout);
  console.log(text);
  if (!success) throw new Error(`${name}: ${command}`);
  const passed = /\d+ passed/.exec(text)?.[0] ?? "nothing passed";
  return {
    name,
    figure: `${count.toLocaleString("en")} ${unit}`,
    detail: `${passed}, 0 failed`,
    command: `deno task torture --only ${suiteName} --rounds ${count} --seed ${seed}`,
  };
}
