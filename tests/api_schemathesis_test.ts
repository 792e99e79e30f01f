/**
 * `schemathesis`, which nobody here wrote, asks a live service what the OpenAPI document makes it
 * think of, in all of its phases and with all of its checks. What it is told to let pass stands
 * below, each with its reason. `SCHEMATHESIS_EXAMPLES=500 TEST_SEED=7` asks longer.
 *
 *     python3 -m venv .tools/schemathesis && .tools/schemathesis/bin/pip install schemathesis
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Place, type Program } from "./e2e/program.ts";
import { fakeOpenAi } from "./fakes/openai.ts";

const COMMAND = fileURLToPath(
  new URL("../.tools/schemathesis/bin/schemathesis", import.meta.url),
);
const HOOKS = fileURLToPath(new URL("schemathesis_hooks.py", import.meta.url));
const EXAMPLES = Deno.env.get("SCHEMATHESIS_EXAMPLES") ?? "2";
const SEED = Deno.env.get("TEST_SEED") ?? "1";
const DIMENSIONS = 3;

/** What schemathesis itself takes for an answer to good data, and what else is one here. */
const ANSWERS = ["2xx", "401", "403", "404", "409", "429", "5xx"];
/** An If-Match that is made up matches nothing, which is not said by a schema. */
const STALE = "412";
/** An Idempotency-Key may have been another request's, metadata may be too deep, or hold a number
 * that would come back with other digits: JSON Schema cannot say so. `http_fuzz_test.ts`, which
 * reads the reason, lets only these pass. */
const NOT_SAID = "422";

const LET_PASS: readonly { readonly operation?: string; readonly lines: readonly string[] }[] = [
  {
    lines: [
      "checks.positive_data_acceptance.expected-statuses = " +
      JSON.stringify([...ANSWERS, STALE]),
    ],
  },
  {
    // A cursor that is made up is none, and goes with no offset: OpenAPI cannot say either.
    operation: "listMemories",
    lines: [
      "checks.positive_data_acceptance.expected-statuses = " + JSON.stringify([...ANSWERS, "400"]),
    ],
  },
  {
    // It asks for no WebSocket: OpenAPI cannot say how.
    operation: "openEventSocket",
    lines: [
      "checks.positive_data_acceptance.expected-statuses = " + JSON.stringify([...ANSWERS, "400"]),
    ],
  },
  ...["createMemory", "replaceMemoryFields", "patchMemory", "deleteMemory"].map((operation) => ({
    operation,
    lines: [
      "checks.positive_data_acceptance.expected-statuses = " +
      JSON.stringify([...ANSWERS, STALE, NOT_SAID]),
    ],
  })),
  {
    // Records are judged one by one: with on_error=skip bad ones are counted, and the rest taken.
    // Two records of one document may be at odds with each other, which no schema says. And where
    // it finds no document in its time, 0 stands in for one, and is taken for good: 400.
    operation: "importMemories",
    lines: [
      "checks.negative_data_rejection.enabled = false",
      "checks.positive_data_acceptance.expected-statuses = " +
      JSON.stringify([...ANSWERS, NOT_SAID, "400"]),
    ],
  },
];

function configuration(): string {
  const [all, ...some] = LET_PASS;
  const tables = some.map(({ operation, lines }) =>
    ["[[operations]]", `include-operation-id = "${operation}"`, ...lines].join("\n")
  );
  return [`hooks = ${JSON.stringify(HOOKS)}`, ...all?.lines ?? [], ...tables, ""].join("\n");
}

async function versionOf(command: string): Promise<string | undefined> {
  try {
    const { stdout, success } = await new Deno.Command(command, { args: ["--version"] }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const version = await versionOf(COMMAND);
const ignore = version === undefined;

/**
 * Two runs: for `ignored_auth` every request is sent twice more with wrong keys, of which the door
 * lets no more than ten a second come to an answer. So that check has a short run of its own.
 */
const RUNS = [
  ["--exclude-checks=ignored_auth", `--max-examples=${EXAMPLES}`],
  ["--checks=ignored_auth", "--phases=fuzzing", "--max-examples=1"],
];

async function run(place: Place, program: Program, options: readonly string[]): Promise<void> {
  const { stdout, success } = await new Deno.Command(COMMAND, {
    args: [
      `--config-file=${place.path("st.toml")}`,
      "run",
      `${program.url}/openapi.json`,
      `--header=Authorization: Bearer ${program.key}`,
      `--seed=${SEED}`,
      "--continue-on-failure",
      "--no-color",
      "--generation-database=none",
      ...options,
    ],
    cwd: place.folder,
  }).output();
  const text = new TextDecoder().decode(stdout);
  const found = [/\d+ selected/, /\d+ generated.*/].map((form) => form.exec(text)?.[0]).join(", ");
  console.log(`${version}, seed ${SEED}: ${found}; ${options.join(" ")}`);
  assert.ok(success, text);
}

Deno.test({
  name: `${version ?? "schemathesis"} finds nothing in a live service` +
    (ignore ? " (skipped: it is not installed under .tools/schemathesis)" : ""),
  ignore,
  async fn() {
    const fake = fakeOpenAi(DIMENSIONS);
    try {
      await using place = new Place();
      const program = await place.serve({
        OPENAI_BASE_URL: fake.baseUrl,
        EMBEDDING_DIMENSIONS: String(DIMENSIONS),
      });
      await Deno.writeTextFile(place.path("st.toml"), configuration());
      for (const options of RUNS) await run(place, program, options);
      await program.stop();
    } finally {
      await fake.close();
    }
  },
});
