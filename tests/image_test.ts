/** The Dockerfile's promises, read from its text: no Docker engine is needed. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { DATA_FOLDER, ENV, MANAGER_ENV, SECRETS_FOLDER } from "../.build/permissions.ts";

interface Instruction {
  readonly word: string;
  readonly rest: string;
}

const root = new URL("../", import.meta.url);
const BINARY = "/usr/local/bin/second-brain";

async function read(name: string): Promise<string> {
  return await readFile(new URL(name, root), "utf8");
}

/** The instructions, stage by stage; the first stage holds what stands before any FROM. */
function parseStages(dockerfile: string): Instruction[][] {
  const lines = dockerfile
    .split("\n").filter((line) => !line.trimStart().startsWith("#")).join("\n")
    .replaceAll(/\\\n\s*/g, "").split("\n").filter((line) => line.trim() !== "");
  const stages: Instruction[][] = [[]];
  for (const line of lines) {
    const [, word, rest] = /^(\w+)\s+(.*)$/.exec(line) ?? assert.fail(`not understood: ${line}`);
    assert.ok(word !== undefined && rest !== undefined);
    if (word === "FROM") stages.push([]);
    stages.at(-1)?.push({ word, rest });
  }
  return stages;
}

function all(stage: readonly Instruction[], word: string): string[] {
  return stage.filter((instruction) => instruction.word === word).map(({ rest }) => rest);
}

function only(stage: readonly Instruction[], word: string): string {
  const found = all(stage, word);
  assert.equal(found.length, 1, `${word} once in the stage`);
  return found[0] ?? "";
}

function environment(stage: readonly Instruction[]): Record<string, string> {
  const pairs = all(stage, "ENV").flatMap((rest) => rest.split(/\s+/)).map((pair) => {
    const at = pair.indexOf("=");
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return Object.fromEntries(pairs) as Record<string, string>;
}

const [before, build, manager, image, ...more] = parseStages(await read("Dockerfile"));
assert.ok(before && build && manager && image);

Deno.test("the images are built in one stage and shipped from others, the brain's by default", () => {
  assert.deepEqual([before, more], [[], []]);
  assert.match(only(build, "FROM"), /^--platform=\$BUILDPLATFORM node:\S+ AS build$/);
  assert.equal(only(image, "FROM"), "gcr.io/distroless/cc-debian13:nonroot AS brain");
  assert.equal(only(manager, "FROM"), "gcr.io/distroless/cc-debian13:nonroot AS manager");
  assert.deepEqual([...all(image, "RUN"), ...all(manager, "RUN")], []);
});

Deno.test("the manager's image runs without rights, with the folder of backups as its volume", () => {
  const binary = "/usr/local/bin/second-brain-manager";
  assert.match(all(build, "RUN").join("\n"), /compile\.ts --program=manager\s+--target="linux\/\$/);
  assert.equal(only(manager, "USER"), "65532:65532");
  assert.deepEqual(JSON.parse(only(manager, "VOLUME")), [DATA_FOLDER]);
  assert.deepEqual(all(manager, "COPY"), [
    `--from=build --chmod=0555 /out/second-brain-manager ${binary}`,
    `--from=build --chown=65532:65532 /out/data ${DATA_FOLDER}`,
  ]);
  const { DENO_USE_CGROUPS, ...ours } = environment(manager);
  assert.equal(DENO_USE_CGROUPS, "1");
  assert.deepEqual(ours, {
    BACKUP_FOLDER: `${DATA_FOLDER}/backups`,
    HOST: "0.0.0.0",
    PORT: "8080",
  });
  const known: readonly string[] = MANAGER_ENV;
  for (const name of Object.keys(ours)) assert.ok(known.includes(name), name);
  assert.equal(only(manager, "EXPOSE"), ours["PORT"]);
  assert.deepEqual(JSON.parse(only(manager, "ENTRYPOINT")), [binary]);
  assert.deepEqual(JSON.parse(only(manager, "CMD")), ["serve"]);
  assert.equal(only(manager, "STOPSIGNAL"), "SIGTERM");
});

Deno.test("the build uses the Deno of the tests, no install script, and compiles for the target", () => {
  const runs = all(build, "RUN").join("\n");
  assert.match(runs, new RegExp(`npm install .*--ignore-scripts deno@${Deno.version.deno}$`, "m"));
  assert.match(runs, /^deno task bundle$/m);
  assert.match(runs, /\.build\/compile\.ts\s+--target="linux\/\$TARGETARCH"/);
  assert.ok(all(build, "ARG").includes("TARGETARCH"));
});

Deno.test("the image runs as a numbered user without rights, with the data folder as its volume", () => {
  assert.equal(only(image, "USER"), "65532:65532");
  assert.deepEqual(JSON.parse(only(image, "VOLUME")), [DATA_FOLDER]);
  assert.ok(all(image, "COPY").some((copy) => /--chown=65532:65532 \S+ \/data$/.test(copy)));
  const order = image.map(({ word, rest }) => `${word} ${rest}`);
  const filled = order.findIndex((line) => line.startsWith("COPY") && line.endsWith(DATA_FOLDER));
  const declared = order.findIndex((line) => line.startsWith("VOLUME"));
  assert.ok(filled < declared, "what is put into a volume after its declaration is lost");
});

Deno.test("the image is production on all addresses, and bakes in no secret", () => {
  const { DENO_USE_CGROUPS, ...ours } = environment(image);
  assert.equal(DENO_USE_CGROUPS, "1");
  assert.deepEqual(ours, {
    ENVIRONMENT: "production",
    MEMORY_PERSIST_PATH: `${DATA_FOLDER}/memories.json`,
    HOST: "0.0.0.0",
    PORT: "8000",
  });
  const known: readonly string[] = ENV;
  for (const name of Object.keys(ours)) assert.ok(known.includes(name), name);
  assert.equal(only(image, "EXPOSE"), ours["PORT"]);
});

Deno.test("the image starts, stops and is checked without a shell", () => {
  assert.deepEqual(JSON.parse(only(image, "ENTRYPOINT")), [BINARY]);
  assert.deepEqual(JSON.parse(only(image, "CMD")), ["serve"]);
  assert.equal(only(image, "STOPSIGNAL"), "SIGTERM");
  const [, command] = only(image, "HEALTHCHECK").split(/\bCMD\s+/);
  assert.deepEqual(JSON.parse(command ?? ""), [BINARY, "healthcheck"]);
});

Deno.test("the builder is sent what the build copies, and nothing else", async () => {
  const ignore = (await read(".dockerignore")).split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  assert.equal(ignore[0], "*");
  const sent = ignore.slice(1).map((line) => line.replace(/^!/, ""));
  const copied = all(build, "COPY").flatMap((rest) => {
    const { positionals } = parseArgs({ args: rest.split(/\s+/), strict: false });
    return positionals.slice(0, -1).map((path) => path.replace(/^\.\//, ""));
  });
  assert.deepEqual(copied.toSorted(), sent.toSorted());
  for (const path of copied) assert.ok(existsSync(new URL(path, root)), path);
});

Deno.test("CI and the image use one version of Deno", async () => {
  assert.match(await read(".ci/run"), new RegExp(`^readonly version=${Deno.version.deno}$`, "m"));
});

Deno.test("the manifest gives the image what it expects: its user, folders, port and key file", async () => {
  const manifest = await read("k8s/brain.yaml");
  const has = (line: RegExp) => assert.match(manifest, new RegExp(`^ *${line.source}$`, "m"));
  has(/replicas: 1/);
  for (const name of ["runAsUser", "runAsGroup", "fsGroup"]) has(new RegExp(`${name}: 65532`));
  has(/runAsNonRoot: true/);
  has(/readOnlyRootFilesystem: true/);
  has(/allowPrivilegeEscalation: false/);
  has(/drop: \[ALL\]/);
  has(/type: RuntimeDefault/);
  has(/terminationGracePeriodSeconds: 60/);
  const numberIn = (line: RegExp) => Number(line.exec(manifest)?.[1]);
  const claimBytes = numberIn(/storage: (\d+)Gi$/m) * 1024 ** 3;
  const quotaBytes = numberIn(/STORAGE_QUOTA_BYTES\n +value: "(\d+)"$/m);
  // Two more snapshots, MIN_FREE_BYTES and the reserve; what the file system takes for itself.
  assert.ok(claimBytes * 0.95 >= 3 * quotaBytes + 65 * 1024 ** 2, "the claim has room for all");
  has(new RegExp(`containerPort: ${environment(image)["PORT"]}`));
  has(new RegExp(`mountPath: ${DATA_FOLDER}`));
  has(new RegExp(`value: ${SECRETS_FOLDER}/second-brain/key`));
  for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"]) {
    has(new RegExp(`${probe}:`));
  }
});
