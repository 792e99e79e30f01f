/** How the program ends: a code for the supervisor, one line for the person. */
import assert from "node:assert/strict";
import { KEY, Place } from "./program.ts";

function oneLine(text: string): string {
  assert.match(text, /^[^\n]+\n$/, JSON.stringify(text));
  return text;
}

Deno.test("wrong use ends with 2 and one line, and touches nothing", async () => {
  await using place = new Place();
  const lines = [
    "frobnicate",
    "serve x",
    "--port 80",
    "export --format xml",
    "export --key k",
    "export --url ftp://a --key k",
    "export --url http://127.0.0.1:1",
    "import",
    "import a --on-conflict merge",
    "healthcheck --url",
  ];
  const runs = await Promise.all(lines.map((line) => place.run(line.split(" "))));
  for (const [i, { code, out, err }] of runs.entries()) {
    assert.equal(code, 2, lines[i]);
    assert.equal(out, "");
    assert.match(oneLine(err), /^Cannot /);
  }
  assert.deepEqual([...Deno.readDirSync(place.folder)], []);
});

Deno.test("a wrong configuration ends with 78 and names every problem, but no value", async () => {
  await using place = new Place();
  const secret = "canary-3141592653";
  const { code, out, err } = await place.run([], {
    env: {
      ENVIRONMENT: "production",
      CONTAINER_API_KEY: `${secret} with blanks`,
      PORT: `${secret}`,
      OPENAI_API_KEY: `${secret}\x7f`,
      OPENAI_BASE_URL: `https://user:${secret}@example.com`,
      MEMORY_PERSIST_PATH: `${place.folder}/${secret}.txt`,
      LOG_LEVEL: secret,
    },
  });
  assert.equal(code, 78);
  assert.equal(out, "");
  const named = err.trim().split("\n").map((line) => /^Cannot start: (\w+) /.exec(line)?.[1]);
  assert.deepEqual(named.toSorted(), [
    "CONTAINER_API_KEY",
    "LOG_LEVEL",
    "MEMORY_PERSIST_PATH",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "PORT",
  ]);
  assert.ok(!err.includes(secret), err);
});

Deno.test("production starts with a good key only, development warns of a weak one", async () => {
  await using place = new Place();
  const production = { ENVIRONMENT: "production" };
  for (
    const key of [
      "",
      "  ",
      "tiny-x",
      "changeme",
      "your-secret-api-key-here",
      "aaaaaaaaaaaaaaaaaaaa",
    ]
  ) {
    const env = { ...production, PORT: "0", CONTAINER_API_KEY: key };
    const { code, err } = await place.run([], { env });
    assert.equal(code, 78, `"${key}"`);
    assert.match(oneLine(err), /CONTAINER_API_KEY/);
    assert.ok(key.trim() === "" || !err.includes(key), err);
  }
  assert.deepEqual([...Deno.readDirSync(place.folder)], []);
  await Deno.writeTextFile(place.path("key"), KEY + "\n");
  const noKey = { CONTAINER_API_KEY: "" };
  const byFile = await place.serve({
    ...production,
    ...noKey,
    CONTAINER_API_KEY_FILE: place.path("key"),
  });
  byFile.key = KEY;
  await byFile.want(200, "GET", "/stats");
  assert.equal((await byFile.stop()).code, 0);
  const weak = await place.serve({ CONTAINER_API_KEY: "changeme" });
  assert.match(String(weak.event("configuration")?.["warning"]), /well-known/);
  assert.ok(!weak.out.includes("changeme"));
  assert.equal((await weak.stop()).code, 0);
});

Deno.test("a second process on the same folder ends with 75; after kill -9 of the first it starts", async () => {
  await using place = new Place();
  const first = await place.serve();
  await first.want(201, "POST", "/memories", { content: "mine" });
  for (const args of [[], ["export"], ["import", "-"]]) {
    const { code, err, out } = await place.run(args, {
      env: { PORT: "0", CONTAINER_API_KEY: KEY },
    });
    assert.equal(code, 75, args.join(" "));
    assert.equal(out, "");
    assert.match(oneLine(err), /another process holds it/);
  }
  await first.want(201, "POST", "/memories", { content: "still mine" });
  await first.crash();
  const second = await place.serve();
  assert.equal((await second.want(200, "GET", "/memories")).at("total"), 2);
});

Deno.test("an address that cannot be had ends with 1 and one line, and lets go of the folder", async () => {
  await using place = new Place();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  for (const env of [{ PORT: String(taken.addr.port) }, { PORT: "0", HOST: "192.0.2.1" }]) {
    const { code, err } = await place.run([], { env: { CONTAINER_API_KEY: KEY, ...env } });
    assert.equal(code, 1);
    assert.match(oneLine(err), /^Cannot listen: /);
  }
  await place.serve();
});

Deno.test("data that cannot be read ends with 65, and is left as it was", async () => {
  const broken: Readonly<Record<string, string>> = {
    "text": "this is not JSON",
    "empty": "",
    "half": `{"format":"second-brain/1","generation":`,
    "of the future": `{"format":"second-brain/99","generation":1,"memories":[\n],"count":0}\n`,
  };
  for (const [name, text] of Object.entries(broken)) {
    await using place = new Place();
    await Deno.writeTextFile(place.memories, text);
    for (const args of [[], ["export"]]) {
      const env = { PORT: "0", CONTAINER_API_KEY: KEY };
      const { code, err, out } = await place.run(args, { env });
      assert.equal(code, 65, `${name}: ${err}${out}`);
      assert.equal(out.includes(`"ready"`), false);
      oneLine(err);
    }
    assert.equal(await Deno.readTextFile(place.memories), text, name);
  }
});

/** Root may write anywhere, so it is run without that privilege; others cannot write at all. */
const asRoot = Deno.uid() === 0;
const canDrop = asRoot && await exists("setpriv");
const DROPPED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"];

async function exists(command: string): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args: ["--version"], stdout: "null" }).output())
      .success;
  } catch {
    return false;
  }
}

Deno.test({
  name: `a folder that cannot be written ends with 73 and one line${
    asRoot && !canDrop ? " (skipped: root, and no setpriv here)" : ""
  }`,
  ignore: asRoot && !canDrop,
  async fn() {
    await using place = new Place();
    await Deno.mkdir(place.path("inner"));
    await Deno.chmod(place.folder, 0o500);
    await Deno.chmod(place.path("inner"), 0o500);
    try {
      for (const path of ["memories.json", "inner/memories.json", "none/memories.json"]) {
        const { code, err } = await place.run([], {
          env: { PORT: "0", CONTAINER_API_KEY: KEY, MEMORY_PERSIST_PATH: place.path(path) },
          under: canDrop ? DROPPED : [],
        });
        assert.equal(code, 73, `${path}: ${err}`);
        assert.match(oneLine(err), /Cannot use the data folder/);
      }
    } finally {
      await Deno.chmod(place.folder, 0o700);
      await Deno.chmod(place.path("inner"), 0o700);
    }
  },
});
