/** The manager's bundle under the rights that are compiled into its binary, and the brain's without it. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleArguments, managerArguments } from "../.build/permissions.ts";
import { BUNDLING, PROGRAMS } from "../.build/compile.ts";
import { within } from "./e2e/conditions.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const LIMIT_MS = 20_000;
const BACKUP_KEY = new Uint8Array(32).fill(7);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A folder of its own, with the bundle in it: all that the program may see. */
async function withBundle(
  program: keyof typeof PROGRAMS,
  test: (folder: string, bundle: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "second-brain-manager-"));
  try {
    const bundle = join(folder, "program.js");
    const { bundling, entry } = PROGRAMS[program];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...BUNDLING, ...bundling, `--output=${bundle}`, entry],
      cwd: ROOT,
    }).output();
    assert.ok(success, text(stderr));
    await test(folder, bundle);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function run(folder: string, args: readonly string[], env: Record<string, string> = {}) {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd: folder, env });
  const { code, stdout, stderr } = await command.output();
  return { code, out: text(stdout), err: text(stderr) };
}

/** A file of each kind that the service reads, and where an API server is not. */
async function environment(folder: string): Promise<Record<string, string>> {
  const files = {
    "keys.json": JSON.stringify({
      keys: [{
        name: "ops",
        sha256: createHash("sha256").update("the-key").digest("hex"),
        scopes: ["admin"],
      }],
    }),
    "backup-keys": `${BACKUP_KEY.toBase64()}\n`,
    kubeconfig: JSON.stringify({
      "current-context": "c",
      contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
      clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1" } }],
      users: [{ name: "u", user: { token: "t" } }],
    }),
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return {
    MANAGER_KEYS_FILE: join(folder, "keys.json"),
    BACKUP_KEYS_FILE: join(folder, "backup-keys"),
    BACKUP_FOLDER: join(folder, "backups"),
    KUBECONFIG: join(folder, "kubeconfig"),
    PORT: "0",
  };
}

Deno.test("the manager's bundle runs under its own rights: pages, render, doctor, and the service", async () => {
  await withBundle("manager", async (folder, bundle) => {
    const { size } = await stat(bundle);
    assert.ok(size < 1_200_000, `${size} bytes`);
    const args = managerArguments(bundle, folder);
    const help = await run(folder, [...args, "help"]);
    assert.deepEqual([help.code, help.err], [0, ""]);
    assert.match(help.out, /^Second Brain manager.*\n\nUsage: second-brain manager \[COMMAND\]/);

    const rendered = await run(folder, [...args, "manager", "render", "--user=1", "--tier=free"]);
    assert.deepEqual([rendered.code, rendered.err], [0, ""]);
    assert.match(rendered.out, /\nkind: Namespace\n[^]*\nkind: StatefulSet\n/);

    const bare = await run(folder, [...args, "doctor"]);
    assert.deepEqual([bare.code, bare.err], [1, ""]);
    assert.match(bare.out, /^BAD {3}settings {7}there is no cluster: set KUBECONFIG to a file/);

    const env = await environment(folder);
    const away = await run(folder, [...args, "doctor", "--json"], env);
    const found: { check: string; status: string }[] = JSON.parse(away.out);
    assert.deepEqual(found.map(({ check, status }) => `${check} ${status}`), [
      "cluster bad",
      "settings warn",
      "backups ok",
    ]);
    const keyless = { ...env, MANAGER_KEYS_FILE: join(folder, "gone.json") };
    const said = "the file that MANAGER_KEYS_FILE names cannot be used: there is no such file";
    for (const [command, code] of [["serve", 78], ["doctor", 1]] as const) {
      const refused = await run(folder, [...args, command], keyless);
      assert.deepEqual([refused.code, `${refused.out}${refused.err}`.includes(said)], [code, true]);
      assert.doesNotMatch(refused.err, /\n {4}at /);
    }
    const early = { ...env, BACKUP_KEYS_FILE: join(folder, "gone") };
    const backup = await run(folder, [...args, "backup", "ada"], early);
    assert.match(
      backup.err,
      /^a backup goes to BACKUP_FOLDER here; have it be the service's own\n/,
    );
    assert.equal(backup.code, 78);
    await serves(folder, args, env);
  });
});

/** Without a cluster it answers all the same, and says that it has none. */
async function serves(folder: string, args: readonly string[], env: Record<string, string>) {
  const options = { cwd: folder, env, stdout: "piped", stderr: "inherit" } as const;
  const child = new Deno.Command(Deno.execPath(), { args: [...args, "serve"], ...options }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let logged = "";
  try {
    const listening = async () => {
      while (!logged.includes('"listening"')) logged += (await lines.read()).value ?? "";
      const line = logged.split("\n").find((one) => one.includes('"listening"')) ?? "{}";
      return `http://127.0.0.1:${JSON.parse(line).port}`;
    };
    const url = await within(LIMIT_MS, listening(), () => "it listens");
    const headers = { Authorization: "Bearer the-key" };
    const tiers = await fetch(`${url}/tiers`, { headers });
    assert.equal(Object.keys(await tiers.json()).join(), "free,pro,enterprise");
    const stranger = await fetch(`${url}/tiers`);
    assert.deepEqual([stranger.status, (await stranger.json()).status], [401, 401]);
    const metrics = await fetch(`${url}/metrics`, { headers });
    assert.match(await metrics.text(), /second_brain_manager_http_requests_total/);
  } finally {
    child.kill("SIGTERM");
    const rest = (async () => {
      for (let more = await lines.read(); !more.done; more = await lines.read()) {
        logged += more.value;
      }
    })();
    const { code } = await within(LIMIT_MS, child.status, () => "it ends");
    await rest;
    assert.equal(code, 0);
  }
  assert.match(logged, /"event":"stopped"/);
  assert.ok(!logged.includes("the-key"));
}

Deno.test("the brain's bundle has none of the manager, and says where it is", async () => {
  await withBundle("brain", async (folder, bundle) => {
    const source = await readFile(bundle, "utf8");
    // Words of the manager's own files: of its cluster, its register, its routes.
    for (const word of ["serviceaccount/", 'force: "true"', "tier_conflict", "pods/resize"]) {
      assert.ok(!source.includes(word), word);
    }
    const { code, out, err } = await run(folder, [
      ...bundleArguments(bundle, folder),
      ...["manager", "create", "1", "--tier", "free"],
    ]);
    assert.deepEqual([code, out, err], [
      2,
      "",
      "Cannot run the manager: this program is a brain; run second-brain-manager\n",
    ]);
  });
});
