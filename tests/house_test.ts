/** The house rules, as a program: who imports whom, sizes, names, dead exports, what is tracked. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };
import { type Arrow, arrowProblem, findCycle, placeOf } from "./house.ts";
import { readFacts, type SourceFacts } from "./source_facts.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const MOST_LINES = 300;
const MOST_FUNCTION_LINES = 60;
const SOURCE = /^(?:main\.ts|(?:src|tests|\.build)\/.+\.(?:ts|js|css))$/;
const TOP_LEVEL = [
  "CHANGELOG.md",
  "Dockerfile",
  "LICENSE",
  "README.md",
  "deno.json",
  "deno.lock",
  "k8s",
  "main.ts",
  "src",
  "tests",
];

async function run(command: string, args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(command, { args, cwd: ROOT }).output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
}

/** What git has or would add; from a download without git, what lies there. */
async function projectFiles(): Promise<string[]> {
  const listed = await run("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
  if (listed !== undefined) {
    const there = await readdir(ROOT, { recursive: true });
    const existing = new Set(there);
    return listed.split("\0").filter((path) => existing.has(path));
  }
  const entries = await readdir(ROOT, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter((path) => !/^(?:\.tools|\.git|dist|data)\//.test(path));
}

const files = await projectFiles();
const sources = new Map<string, string>();
for (const path of files.filter((name) => SOURCE.test(name))) {
  sources.set(path, await readFile(join(ROOT, path), "utf8"));
}

/** Read inside a test, where the reader is to be had; once. */
let factsRead: Map<string, SourceFacts> | undefined;
function facts(): Map<string, SourceFacts> {
  factsRead ??= new Map(
    [...sources].filter(([path]) => !path.endsWith(".css"))
      .map(([path, source]) => [path, readFacts(path, source)]),
  );
  return factsRead;
}

interface ModuleGraph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier: string };
      readonly type?: { readonly specifier: string };
    }[];
  }[];
}

/** Every arrow between our files, also of those that `main.ts` does not reach yet. */
async function arrows(): Promise<Arrow[]> {
  const folder = await mkdtemp(join(tmpdir(), "second-brain-house-"));
  try {
    const roots = [...sources.keys()].filter((path) => /^(?:main|src\/.+)\.ts$/.test(path));
    const root = join(folder, "all.ts");
    await writeFile(root, roots.map((path) => `import "${new URL(path, `file://${ROOT}`)}";\n`));
    const output = await run(Deno.execPath(), ["info", "--json", "--config", "deno.json", root]);
    const { modules } = JSON.parse(output ?? assert.fail("deno info failed")) as ModuleGraph;
    for (const path of roots) {
      assert.ok(modules.some(({ specifier }) => specifier.endsWith(`/${path}`)), path);
    }
    const ours = (url: string) => relative(ROOT, fileURLToPath(url)).replaceAll("\\", "/");
    const isOurs = (url: string) => url.startsWith(`file://${ROOT}`);
    const found = modules.filter(({ specifier }) => isOurs(specifier)).flatMap((module) =>
      (module.dependencies ?? []).flatMap(({ code, type }) => [code?.specifier, type?.specifier])
        .filter((to): to is string => to !== undefined && isOurs(to))
        .map((to) => ({ from: ours(module.specifier), to: ours(to) }))
    );
    return found.filter(({ to }) => to !== "deno.json");
  } finally {
    await rm(folder, { recursive: true });
  }
}

function none(problems: readonly string[], rule: string): void {
  if (problems.length > 0) assert.fail(`${rule}\n  ${problems.join("\n  ")}`);
}

Deno.test("every file imports only what its room may, and nothing imports in a circle", async () => {
  const found = await arrows();
  const lost = [...sources.keys()].filter((path) => /^src\/.*\.ts$/.test(path))
    .filter((path) => placeOf(path) === undefined)
    .map((path) => `classify me: ${path} has no room in tests/house.ts`);
  const problems = found.map(arrowProblem).filter((problem) => problem !== undefined);
  none([...new Set([...lost, ...problems])], "Who may import whom:");
  assert.deepEqual(findCycle(found), undefined);
});

Deno.test("no file has more than 300 lines and no function more than 60", () => {
  const problems: string[] = [];
  for (const [path, source] of sources) {
    const lines = source.replace(/\n$/, "").split("\n").length;
    if (lines > MOST_LINES) problems.push(`${path}: ${lines} lines`);
  }
  for (const [path, { functions }] of facts()) {
    for (const { line, lines, ownLines } of functions) {
      // A suite of tests is a function that only holds others: there, each counts by itself.
      const counted = path.startsWith("tests/") ? ownLines : lines;
      if (counted > MOST_FUNCTION_LINES) problems.push(`${path}:${line}: a function of ${counted}`);
    }
  }
  none(problems, "Too long:");
});

Deno.test("no file is a drawer for whatever fits nowhere else", () => {
  const drawer = /(?:\/index|(?:[/_-])(?:utils?|helpers?|misc|common))\.(?:ts|js)$/;
  none([...sources.keys()].filter((path) => drawer.test(path)), "Name it for what it does:");
});

Deno.test("nothing switches type checking off", () => {
  const problems = [...facts()].flatMap(([path, { anys, silencers }]) => [
    ...anys.map((line) => `${path}:${line}: any`),
    ...silencers.map((text) => `${path}: ${text.trim()}`),
  ]);
  none(problems, "No any, no silenced checks:");
});

Deno.test("every export is used by another file", () => {
  none(deadExports(facts()), "Exported for nobody:");
});

/** A type counts as used, too, where its own file speaks of it again: it is part of an export. */
function deadExports(all: ReadonlyMap<string, SourceFacts>): string[] {
  const uses = new Set<string>();
  for (const [path, { used }] of all) {
    for (const { specifier, name } of used.filter((use) => use.specifier.startsWith("."))) {
      uses.add(`${join(path, "..", specifier).replaceAll("\\", "/")}#${name}`);
    }
  }
  return [...all].filter(([path]) => path.startsWith("src/")).flatMap(([path, { exported }]) =>
    exported
      .filter(({ name }) => !uses.has(`${path}#${name}`) && !uses.has(`${path}#*`))
      .filter(({ isType, mentions }) => !(isType && mentions > 1))
      .map(({ name }) => `${path}: ${name}`)
  );
}

Deno.test("every dependency is of one exact version, named in deno.json, and used", () => {
  const wrong = Object.entries(config.imports)
    .filter(([, target]) => !/^npm:(?:@[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+(?:\/.*)?$/.test(target))
    .map(([name, target]) => `${name}: ${target}`);
  none(wrong, "Not an exact npm version:");
  const names = Object.keys(config.imports);
  const specifiers = [...facts().values()].flatMap(({ used }) => used.map((u) => u.specifier));
  const isNamed = (specifier: string, name: string) =>
    specifier === name || specifier.startsWith(`${name}/`);
  const foreign = specifiers.filter((specifier) =>
    !/^(?:\.\.?\/|node:)/.test(specifier) && !names.some((name) => isNamed(specifier, name))
  );
  none([...new Set(foreign)], "Not named in deno.json:");
  none(names.filter((name) => !specifiers.some((s) => isNamed(s, name))), "Used by nobody:");
});

Deno.test("the top level has what it should and nothing else", () => {
  const entries = new Set(files.map((path) => path.split("/")[0] ?? ""));
  const strange = [...entries].filter((name) => !name.startsWith(".") && !TOP_LEVEL.includes(name));
  none(strange, "Not of the top level:");
});

/** Put together here, so that this file does not hold what it looks for. */
const MACHINE_MARKS = [
  /(?<![\w.~-])\/(?:work|root|home)\//,
  ...[
    ["registry", "npmjs", "org"],
    ["npm", "jsr", "io"],
    ["deb", "debian", "org"],
    [
      "pypi",
      "org",
    ],
    ["crates", "io"],
    ["proxy", "golang", "org"],
    ["repo", "maven"],
  ]
    .map((words) => new RegExp(words.join("\\."))),
];

Deno.test("no file names a package registry's host or a path of somebody's machine", async () => {
  const problems: string[] = [];
  for (const path of files.filter((name) => !/\.(?:png|wasm)$/.test(name))) {
    const text = await readFile(join(ROOT, path), "utf8");
    for (const mark of MACHINE_MARKS) {
      const found = mark.exec(text);
      if (found) problems.push(`${path}: ${found[0]}`);
    }
  }
  none(problems, "Of one machine or one network:");
});

Deno.test("the rule of imports finds every kind of forbidden arrow", () => {
  const refused: [string, string, RegExp][] = [
    ["src/http/app.ts", "src/store.ts", /^forbidden: .*\(http\) imports .*\(port\)/],
    ["src/http/app.ts", "src/store/file.ts", /^forbidden: /],
    ["src/memories.ts", "src/store/file.ts", /^forbidden: /],
    ["src/memories.ts", "src/http/app.ts", /^forbidden: /],
    ["src/memories.ts", "src/config.ts", /^forbidden: /],
    ["src/http/app.ts", "main.ts", /^forbidden: /],
    ["src/memory.ts", "src/state.ts", /^forbidden: /],
    ["src/store/file.ts", "src/embedder.ts", /^foreign port: /],
    ["src/store/file.ts", "src/embedder/openai.ts", /^private: /],
    ["src/search.ts", "src/indexer/given_up.ts", /^private: /],
    ["src/manager/record.ts", "src/manager/cluster.ts", /^forbidden: /],
    ["src/manager/http/app.ts", "src/manager/cluster.ts", /^forbidden: /],
    ["src/manager/register.ts", "src/manager/cluster/kubernetes.ts", /^forbidden: /],
    ["src/manager/cluster/kubernetes.ts", "src/manager/backup_sink.ts", /^foreign port: /],
    ["src/manager/http/app.ts", "src/http/memories.ts", /^brain and manager meet: /],
    ["src/manager/main.ts", "src/store/file.ts", /^brain and manager meet: /],
    ["src/http/app.ts", "src/manager/errors.ts", /^brain and manager meet: /],
    ["main.ts", "src/manager/cluster/kubernetes.ts", /^brain and manager meet: /],
    ["src/surprise.ts", "src/memory.ts", /^classify me: src\/surprise\.ts/],
    ["src/memories.ts", "src/constructor.ts", /^classify me: src\/constructor\.ts/],
  ];
  for (const [from, to, message] of refused) {
    assert.match(arrowProblem({ from, to }) ?? "", message, `${from} -> ${to}`);
  }
  const allowed: [string, string][] = [
    ["main.ts", "src/store/file.ts"],
    ["src/http/memories.ts", "src/memories.ts"],
    ["src/memories.ts", "src/store.ts"],
    ["src/indexer.ts", "src/indexer/given_up.ts"],
    ["src/store/file.ts", "src/store/fs.ts"],
    ["src/store/file.ts", "src/store.ts"],
    ["main.ts", "src/manager/main.ts"],
    ["src/manager/main.ts", "src/manager/cluster/kubernetes.ts"],
    ["src/manager/register.ts", "src/clock.ts"],
    ["src/manager/http/app.ts", "src/http/route.ts"],
  ];
  for (const [from, to] of allowed) assert.equal(arrowProblem({ from, to }), undefined);
  const circle = [["a", "b"], ["b", "c"], ["c", "b"]].map(([from = "", to = ""]) => ({ from, to }));
  assert.deepEqual(findCycle(circle), ["b", "c", "b"]);
  assert.equal(findCycle(circle.slice(0, 2)), undefined);
});

Deno.test("the reader of sources sees long functions, any, silencers and dead exports", () => {
  const body = "\n  work();".repeat(MOST_FUNCTION_LINES);
  const bad = `import { used } from "./good.ts";
export const { a } = used;
export function long() {${body}
}
// @ts-${"ignore"}
export interface Shape { x: any }
export type Unused = 1;
export const shape: Shape = await import("./lazy.ts");
`;
  const good = `export const used = 1;\nexport const forgotten = 2;\n`;
  const all = new Map([
    ["src/bad.ts", readFacts("src/bad.ts", bad)],
    ["src/good.ts", readFacts("src/good.ts", good)],
    ["src/lazy.ts", readFacts("src/lazy.ts", "export default 1; export const x = 2;")],
  ]);
  const { functions, anys, silencers } = all.get("src/bad.ts") ?? assert.fail();
  const lines = MOST_FUNCTION_LINES + 2;
  assert.deepEqual(functions, [{ line: 3, lines, ownLines: lines }]);
  const suite = readFacts("a.ts", "function all() {\n  test(() => {\n    work();\n  });\n}\n");
  assert.deepEqual(suite.functions.map(({ ownLines }) => ownLines).toSorted(), [3, 4]);
  assert.equal(anys.length, 1);
  assert.equal(silencers.length, 1);
  assert.deepEqual(deadExports(all), [
    "src/bad.ts: long",
    "src/bad.ts: Unused",
    "src/bad.ts: shape",
    "src/good.ts: forgotten",
  ]);
});
