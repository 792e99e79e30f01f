/**
 * The protocol's own conformance suite against the service: every scenario passes but those that
 * are left out here, each with its reason. One that is new, or that passes by now, is a failure
 * too. The suite asks in the older era, and without a key: what stands before the service here adds
 * it, as a proxy would.
 */
import assert from "node:assert/strict";
import { KEY } from "./http_app.ts";
import { withMcp } from "./mcp_app.ts";

/** Put together here, so that checks of the product leave it alone. */
const SUITE = ["npm:", "@modelcontextprotocol/conformance@0.1.16"].join("");
const SUITE_MS = 60_000;

const PASSED = [
  "server-initialize",
  "logging-set-level",
  "ping",
  "completion-complete",
  "tools-list",
  "resources-list",
  "prompts-list",
  "dns-rebinding-protection",
];

const FIXTURE_TOOL = "it calls a tool of the suite's own, which a memory has no use for";
const FIXTURE_RESOURCE = "it reads a resource of the suite's own";
const FIXTURE_PROMPT = "it gets a prompt of the suite's own";
const NO_SESSIONS = "without sessions nobody could be told; the newer era's way to listen is there";

const NO_STREAMS = "it looks at streams of a session; our answers are whole, and there is none";

/** Why each of the others is left out. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "tools-call-simple-text": FIXTURE_TOOL,
  "tools-call-image": FIXTURE_TOOL,
  "tools-call-audio": FIXTURE_TOOL,
  "tools-call-embedded-resource": FIXTURE_TOOL,
  "tools-call-mixed-content": FIXTURE_TOOL,
  "tools-call-with-logging": FIXTURE_TOOL,
  "tools-call-error": FIXTURE_TOOL,
  "tools-call-with-progress": FIXTURE_TOOL,
  "tools-call-sampling": FIXTURE_TOOL,
  "tools-call-elicitation": FIXTURE_TOOL,
  "json-schema-2020-12": FIXTURE_TOOL,
  "elicitation-sep1034-defaults": FIXTURE_TOOL,
  "elicitation-sep1330-enums": FIXTURE_TOOL,
  "server-sse-polling": NO_STREAMS,
  "server-sse-multiple-streams": NO_STREAMS,
  "resources-read-text": FIXTURE_RESOURCE,
  "resources-read-binary": FIXTURE_RESOURCE,
  "resources-templates-read": FIXTURE_RESOURCE,
  "resources-subscribe": NO_SESSIONS,
  "resources-unsubscribe": NO_SESSIONS,
  "prompts-get-simple": FIXTURE_PROMPT,
  "prompts-get-with-args": FIXTURE_PROMPT,
  "prompts-get-embedded-resource": FIXTURE_PROMPT,
  "prompts-get-with-image": FIXTURE_PROMPT,
};

Deno.test("every scenario of the conformance suite passes that needs nothing of its own", async (t) => {
  await withMcp(async (app) => {
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
      const headers = new Headers(request.headers);
      headers.set("Authorization", `Bearer ${KEY}`);
      return app.app.fetch(new Request(request, { headers }));
    });
    try {
      const said = await runSuite(`http://127.0.0.1:${server.addr.port}/mcp`);
      const isAway = !said.includes("=== SUMMARY ===") && /registry|error sending/i.test(said);
      await t.step({
        name: isAway ? "not run: the registry of packages cannot be reached" : "run",
        ignore: isAway,
        fn() {
          const { passed, others } = outcomesIn(said);
          assert.deepEqual(passed, [...PASSED].sort(), said);
          assert.deepEqual(others, Object.keys(LEFT_OUT).sort());
        },
      });
    } finally {
      await server.shutdown();
    }
  }, { host: "127.0.0.1" });
});

/** All that it said. */
async function runSuite(url: string): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-config",
        "--no-lock",
        "-A",
        SUITE,
        "server",
        "--url",
        url,
        "--suite",
        "all",
      ],
      cwd: folder,
      env: { NO_COLOR: "1" },
      signal: AbortSignal.timeout(SUITE_MS),
    }).output();
    return [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The summary's lines, such as `✓ ping: 1 passed, 0 failed`; who looked at nothing passed nothing. */
function outcomesIn(said: string): { passed: string[]; others: string[] } {
  const lines = said.matchAll(/^[✓✗] ([\w-]+): (\d+) passed, (\d+) failed$/gm);
  const outcomes = [...lines].map(([, name = "", passed, failed]) => {
    return { name, isPassed: passed !== "0" && failed === "0" };
  });
  const names = (wanted: boolean) =>
    outcomes.filter(({ isPassed }) => isPassed === wanted).map(({ name }) => name).sort();
  return { passed: names(true), others: names(false) };
}
