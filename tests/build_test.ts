/**
 * The promises about what is shipped: one list of permissions for the development task, the bundle
 * and the binary; a checked runtime; an image that runs with the least it needs.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readBaked } from "../.build/baked.ts";
import { BUNDLING, compile, compileArguments, PROGRAMS } from "../.build/compile.ts";
import { archivePath, DenortRefused, provideDenort, publishedSum } from "../.build/denort.ts";
import {
  bundleArguments,
  containerFlags,
  developmentFlags,
  ENV,
  MANAGER_ENV,
  managerArguments,
  managerDevelopmentFlags,
  managerFlags,
  programArguments,
  SYS,
  V8_FLAGS,
} from "../.build/permissions.ts";
import { FOR_NEW_BYTES } from "../src/cli/heap.ts";
import config from "../deno.json" with { type: "json" };

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "second-brain-build-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const PROBE = `
const of = async (name, more) =>
  (await Deno.permissions.query({ name, ...more })).state === "granted";
const tried = (run) => { try { return run() ?? null } catch (error) { return error.name } };
console.log(JSON.stringify({
  listed: tried(() => Deno.env.get("PORT")),
  unlisted: tried(() => Deno.env.get("OPENAI_LOG")),
  names: tried(() => Object.keys(Deno.env.toObject())),
  data: await of("write", { path: Deno.args[0] }),
  elsewhere: await of("write", { path: "/etc" }),
  key: await of("read", { path: "/run/secrets/key" }),
  keyWrite: await of("write", { path: "/run/secrets/key" }),
  passwords: await of("read", { path: "/etc/passwd" }),
  run: await of("run"),
  ffi: await of("ffi"),
  net: await of("net"),
  eval: tried(() => eval("1")),
}));`;

Deno.test("the start task has exactly the declared flags", () => {
  const words = config.tasks.start.command.split(" ");
  assert.deepEqual(words, ["deno", "run", ...words.slice(2, -1), "main.ts"]);
  assert.deepEqual(words.slice(2, -1), developmentFlags());
});

Deno.test("the manager's task has exactly the flags declared for it", () => {
  const words = config.tasks.manager.command.split(" ");
  const { entry } = PROGRAMS.manager;
  assert.deepEqual(words, ["deno", "run", ...managerDevelopmentFlags(), entry]);
});

Deno.test("the bundles are made as the tests of them make theirs", () => {
  const [, ...commands] = config.tasks.bundle.command.split(" && ");
  const expected = Object.values(PROGRAMS).map(({ bundling, bundle, entry }) =>
    ["deno", ...BUNDLING, ...bundling, "-o", bundle, entry].join(" ")
  );
  assert.deepEqual(commands, expected);
});

Deno.test("what the program takes for the heap's room for new values is what the flags give it", () => {
  const semiSpaceMib = FOR_NEW_BYTES / 3 / 1024 ** 2;
  assert.ok([...V8_FLAGS, ""].includes(`--max-semi-space-size=${semiSpaceMib}`), `${semiSpaceMib}`);
});

Deno.test("a bundle under the declared flags gets the data folder, the listed variables and no more", async () => {
  await inFolder(async (folder) => {
    const bundle = join(folder, "probe.js");
    await writeFile(bundle, PROBE);
    const command = new Deno.Command(Deno.execPath(), {
      args: [...bundleArguments(bundle, folder), folder],
      cwd: folder,
      env: { PORT: "1234", OPENAI_LOG: "debug" },
    });
    const { code, stdout, stderr } = await command.output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), {
      listed: "1234",
      unlisted: null,
      names: ["PORT"],
      data: true,
      elsewhere: false,
      key: true,
      keyWrite: false,
      passwords: false,
      run: false,
      ffi: false,
      net: true,
      eval: "EvalError",
    });
  });
});

Deno.test("the manager's bundle gets its own folder and variables, and none of a brain's", async () => {
  await inFolder(async (folder) => {
    const bundle = join(folder, "probe.js");
    await writeFile(bundle, PROBE);
    const command = new Deno.Command(Deno.execPath(), {
      args: [...managerArguments(bundle, folder), folder],
      cwd: folder,
      env: { PORT: "1234", CONTAINER_API_KEY: "x", OPENAI_LOG: "debug" },
    });
    const { code, stdout, stderr } = await command.output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), {
      listed: "1234",
      unlisted: null,
      names: ["PORT"],
      data: true,
      elsewhere: false,
      key: false,
      keyWrite: false,
      passwords: false,
      run: false,
      ffi: false,
      net: true,
      eval: "EvalError",
    });
  });
});

Deno.test("the libraries ask for nothing that the declared flags refuse, also when bundled", async () => {
  const provider = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, ({ url }) => {
    if (url.endsWith("/count")) return Response.json({ result: { count: 1 } });
    return Response.json({ data: [{ index: 0, embedding: [1] }], model: "m", object: "list" });
  });
  try {
    await inFolder(async (folder) => {
      const bundle = join(folder, "libraries.js");
      const source = new URL("libraries_probe.ts", import.meta.url);
      const bundled = await new Deno.Command(Deno.execPath(), {
        args: [...BUNDLING, `--output=${bundle}`, source.href],
      }).output();
      assert.ok(bundled.success, new TextDecoder().decode(bundled.stderr));
      const address = `http://127.0.0.1:${provider.addr.port}/v1`;
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [...bundleArguments(bundle, folder), folder, address],
        cwd: folder,
        env: { OPENAI_LOG: "debug", OPENAI_ORG_ID: "org", NODE_DEBUG: "http" },
      }).output();
      const errors = new TextDecoder().decode(stderr);
      const reply = JSON.parse(new TextDecoder().decode(stdout) || "null") as unknown;
      assert.deepEqual({ reply, errors }, { reply: { failed: {}, memory: true }, errors: "" });
    });
  } finally {
    await provider.shutdown();
  }
});

Deno.test("the program runs from any folder, from its sources or from a bundle", async () => {
  await inFolder(async (folder) => {
    const words = programArguments(folder);
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: [...words, "version"],
      cwd: folder,
    }).output();
    assert.equal(code, 0);
  });
});

/** What the metadata says of a program with these rights. */
function rights(env: readonly string[], read: string[], write: string[], sys: string[] | null) {
  return {
    allow_env: [...env],
    deny_env: null,
    ignore_env: [],
    allow_net: [],
    deny_net: null,
    allow_ffi: null,
    deny_ffi: null,
    allow_read: read,
    deny_read: null,
    ignore_read: null,
    allow_run: null,
    deny_run: null,
    allow_sys: sys,
    deny_sys: null,
    allow_write: write,
    deny_write: null,
    deny_import: [],
    prompt: false,
  };
}

const RIGHTS = {
  brain: rights(ENV, ["/data", "/run/secrets"], ["/data"], [...SYS]),
  manager: rights(
    MANAGER_ENV,
    ["/data", "/run/secrets", "/var/run/secrets"],
    ["/data"],
    null,
  ),
};

for (const program of ["brain", "manager"] as const) {
  Deno.test(`what is baked into a compiled output of the ${program} is what is declared`, async () => {
    await inFolder(async (folder) => {
      const bundle = join(folder, "probe.js");
      const output = join(folder, "probe");
      await writeFile(bundle, PROBE);
      // Any executable can stand in for the runtime that is not to be had here: what is read back
      // was written by the same `deno compile`.
      const env = { DENORT_BIN: Deno.execPath() };
      assert.ok(await compile({ program, bundle, output }, env));
      const baked = await readBaked(output);
      const { allow_import: _, ...permissions } = baked.permissions;
      assert.deepEqual(permissions, RIGHTS[program]);
      for (const flag of V8_FLAGS) assert.ok(baked.v8_flags.includes(flag), flag);
      assert.equal(baked.code_cache_key, null);
      assert.deepEqual(baked.unstable_config.features, config.unstable);
      assert.equal(baked.otel_config.tracing_enabled, false);
      assert.equal(baked.otel_config.metrics_enabled, false);
    });
  });
}

Deno.test("a file that deno compile did not make is refused by name", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "other");
    await writeFile(path, "d3n0l4nd\xff and then nothing d3n0l4nd");
    await assert.rejects(readBaked(path), /Cannot read ".*other": it is not an output/);
  });
});

Deno.test("the binary is compiled for the asked target, with the container's flags", () => {
  const target = "aarch64-unknown-linux-gnu";
  const words = compileArguments({ bundle: "a.js", output: "a", target });
  assert.ok(words.includes(`--target=${target}`));
  for (const flag of [...containerFlags(), "--no-code-cache"]) {
    assert.ok(words.includes(flag), flag);
  }
  const other = compileArguments({ program: "manager", bundle: "a.js", output: "a" });
  assert.deepEqual(managerFlags().filter((flag) => !other.includes(flag)), []);
});

const ARCHIVE = new TextEncoder().encode("stands for an archive");
const SUM = createHash("sha256").update(ARCHIVE).digest("hex");

function releaseHost(sum: string, archive: Uint8Array<ArrayBuffer> = ARCHIVE) {
  const asked: string[] = [];
  const fetch = (input: string | URL | Request) => {
    const url = String(input);
    asked.push(url);
    if (url.endsWith(".sha256sum")) {
      return Promise.resolve(sum === "" ? new Response("", { status: 404 }) : new Response(sum));
    }
    return Promise.resolve(new Response(archive));
  };
  return { asked, fetch };
}

Deno.test("a runtime is cached only with the sum that was published for it", async () => {
  await inFolder(async (cacheFolder) => {
    const target = "x86_64-unknown-linux-gnu";
    const wanted = { target, cacheFolder };
    for (const sum of ["", "<html>", `${"0".repeat(64)}  denort-${target}.zip`]) {
      await assert.rejects(provideDenort({ ...wanted, ...releaseHost(sum) }), /: Cannot /);
      assert.deepEqual(await readdir(cacheFolder), [], "nothing may be left behind");
    }
    await provideDenort({ ...wanted, ...releaseHost(`${SUM}  denort-${target}.zip\n`) });
    assert.deepEqual(new Uint8Array(await readFile(archivePath(wanted))), ARCHIVE);
    const again = releaseHost(SUM);
    await provideDenort({ ...wanted, ...again });
    assert.equal(again.asked.length, 1, "a good archive is not downloaded again");
  });
});

Deno.test("a runtime whose sum is pinned is held to the pin, not to what the host says", async () => {
  await inFolder(async (cacheFolder) => {
    const wanted = { target: "x", cacheFolder, sha256: SUM };
    const forged = new TextEncoder().encode("forged");
    await assert.rejects(provideDenort({ ...wanted, ...releaseHost("", forged) }), DenortRefused);
    await provideDenort({ ...wanted, ...releaseHost("") });
  });
});

Deno.test("a published sum is understood in both forms that occur", () => {
  assert.equal(publishedSum(`${SUM}  denort-x.zip\n`, "x"), SUM);
  assert.equal(publishedSum(`\nAlgorithm : SHA256\nHash : ${SUM.toUpperCase()}\n`, "x"), SUM);
});
