/** Keys and limits that change while the service runs: files replaced, removed and broken. */
import assert from "node:assert/strict";
import { LiveSettings } from "../src/config/live.ts";
import { byKey, door } from "../src/http/auth.ts";
import { FailedAttempts } from "../src/http/failed_attempts.ts";
import { RateLimit } from "../src/http/rate_limit.ts";
import { CANARY, type Environment, KEY, load, problemsOf } from "./environment.ts";
import { FakeClock } from "./fakes/indexing.ts";

const NEW_KEY = `${CANARY}-fedcba9876543210`;
const PATHS = {
  CONTAINER_API_KEY_FILE: "/key",
  CONTAINER_API_KEY_PREVIOUS_FILE: "/previous",
  LIMITS_FILE: "/limits",
};
const ENVIRONMENT = {
  ENVIRONMENT: "production",
  RATE_LIMIT_PER_MINUTE: "60",
  MAX_MEMORIES: "5",
  STORAGE_QUOTA_BYTES: "6",
};

class Life {
  readonly clock = new FakeClock();
  readonly logged: [string, unknown][] = [];
  readonly live: LiveSettings;

  /** `files` may be changed by the test, as by whoever mounts them. */
  constructor(readonly files: Record<string, string>, env: Environment = {}) {
    const config = load({ ...ENVIRONMENT, ...PATHS, ...env }, files);
    this.live = new LiveSettings({
      config,
      readFile: (path) => this.files[path] ?? assert.fail(`there is no ${CANARY}`),
      clock: this.clock,
      log: (_, event, detail) => this.logged.push([event, detail]),
    });
    this.live.start();
  }

  /** What holds once the files were looked at again. */
  async seen() {
    await this.clock.advance(5_000);
    return this.now();
  }

  now() {
    const { keys, quota, requestsPerMinute } = this.live;
    return { keys, limits: [requestsPerMinute, quota.memories, quota.bytes] };
  }
}

const limits = (requests: number, memories: number, bytes: number) =>
  JSON.stringify({
    requests_per_minute: requests,
    max_memories: memories,
    storage_quota_bytes: bytes,
  });

Deno.test("the file of limits goes before the environment, name by name, and later again", async () => {
  const life = new Life({ "/key": KEY, "/limits": '{"max_memories": 10, "newer": true}' });
  assert.deepEqual(life.now(), { keys: [KEY], limits: [60, 10, 6] });
  const { quota } = life.live;
  life.files["/limits"] = limits(0, 20, 30);
  assert.deepEqual(life.now().limits, [60, 10, 6]);
  assert.deepEqual((await life.seen()).limits, [0, 20, 30]);
  assert.deepEqual([quota.memories, quota.bytes], [20, 30], "who has the view sees it too");
  life.files["/limits"] = '{"max_memories": 30}';
  assert.deepEqual((await life.seen()).limits, [60, 30, 6]);
  assert.deepEqual(life.logged.map(([event]) => event), ["limits_changed", "limits_changed"]);
});

Deno.test("a key is changed without a gap: the one before it is let in until its file is emptied", async () => {
  const life = new Life({ "/key": `${KEY}\n`, "/limits": limits(1, 2, 3) });
  Object.assign(life.files, { "/key": NEW_KEY, "/previous": KEY });
  assert.deepEqual((await life.seen()).keys, [NEW_KEY, KEY]);
  life.files["/previous"] = "";
  assert.deepEqual((await life.seen()).keys, [NEW_KEY]);
  assert.deepEqual(life.logged, [["keys_changed", {}], ["keys_changed", {}]]);
});

/** Files that the start would refuse. */
const BROKEN: readonly (readonly [string, string | undefined])[] = [
  ["/key", undefined],
  ["/key", ""],
  ["/key", "short"],
  ["/key", `${NEW_KEY}, ${NEW_KEY}`],
  ["/limits", undefined],
  ["/limits", ""],
  ["/limits", "{}"],
  ["/limits", `{"max_memory": 1}`],
  ["/limits", `{"max_memories": 1`],
  ["/limits", `{"max_memories": -1}`],
  ["/limits", `{"max_memories": "${CANARY}"}`],
  ["/limits", `["${CANARY}"]`],
  ["/limits", " ".repeat(70_000) + limits(1, 2, 3)],
];

Deno.test("what the start would refuse changes nothing, and is said once, without a value", async () => {
  for (const [path, text] of BROKEN) {
    const life = new Life({ "/key": KEY, "/previous": NEW_KEY, "/limits": limits(1, 2, 3) });
    const before = life.now();
    if (text === undefined) delete life.files[path];
    else life.files[path] = text;
    assert.deepEqual(await life.seen(), before, `${path}: ${text?.slice(0, 30)}`);
    await life.seen();
    assert.deepEqual(life.logged.map(([event]) => event), ["settings_kept"]);
    assert.ok(!JSON.stringify(life.logged).includes(CANARY));
    Object.assign(life.files, { "/key": KEY, "/limits": limits(7, 8, 9) });
    assert.deepEqual((await life.seen()).limits, [7, 8, 9]);
  }
});

Deno.test("a slip in one file keeps no other from being heeded: a key that was taken away is gone", async () => {
  const others = [["/limits", "{"], ["/previous", "changeme"], ["/previous", "a, b"]] as const;
  for (const [path, text] of others) {
    const life = new Life({ "/key": KEY, "/previous": `${KEY}1`, "/limits": limits(1, 2, 3) });
    Object.assign(life.files, { "/key": NEW_KEY, "/previous": "", [path]: text });
    assert.deepEqual((await life.seen()).keys, [NEW_KEY], path);
  }
});

Deno.test("a broken file of limits is a problem at the start; a missing former key is none", () => {
  const env = { ENVIRONMENT: "production", CONTAINER_API_KEY: KEY };
  const form = "the file that LIMITS_FILE names must hold JSON with whole numbers under " +
    "requests_per_minute, max_memories and storage_quota_bytes";
  const named = { ...env, LIMITS_FILE: `/${CANARY}` };
  assert.deepEqual(problemsOf(named), ["the file that LIMITS_FILE names cannot be read"]);
  assert.deepEqual(problemsOf(named, { [`/${CANARY}`]: CANARY }), [form]);
  const previous = { ...env, CONTAINER_API_KEY_PREVIOUS_FILE: "/previous" };
  assert.deepEqual(problemsOf(previous), []);
  assert.equal(load(previous, { "/previous": NEW_KEY }).previousKey, NEW_KEY);
});

Deno.test("where no file is named, none is looked at", async () => {
  const life = new Life({}, {
    CONTAINER_API_KEY: KEY,
    CONTAINER_API_KEY_FILE: "",
    CONTAINER_API_KEY_PREVIOUS_FILE: "",
    LIMITS_FILE: "",
  });
  assert.equal(life.clock.waiting, 0);
  assert.deepEqual(await life.seen(), { keys: [KEY], limits: [60, 5, 6] });
});

Deno.test("the door lets in whoever has a key that holds now, and nobody else", async () => {
  let keys: readonly string[] = [KEY];
  const letIn = door(byKey(() => keys), new FailedAttempts(new FakeClock()));
  const tried = async (key: string) => {
    try {
      await letIn(new Headers({ "X-API-Key": key }));
      return "in";
    } catch (error) {
      return Reflect.get(Object(error), "code");
    }
  };
  const all = async () => [await tried(KEY), await tried(NEW_KEY), await tried("another key")];
  assert.deepEqual(await all(), ["in", "unauthorized", "unauthorized"]);
  keys = [NEW_KEY, KEY];
  assert.deepEqual(await all(), ["in", "in", "unauthorized"]);
  keys = [NEW_KEY];
  assert.deepEqual(await all(), ["unauthorized", "in", "unauthorized"]);
  keys = [];
  await assert.rejects(letIn(new Headers({ "X-API-Key": "x" })), /shuts nobody out/);
});

Deno.test("another rate holds from the next request on", () => {
  let perMinute = 2;
  const rate = new RateLimit(() => perMinute, new FakeClock());
  rate.admit();
  rate.admit();
  const refused = { code: "rate_limited", message: /more than 2 requests/, retryAfterS: 30 };
  assert.throws(() => rate.admit(), refused);
  perMinute = 0;
  rate.admit();
  perMinute = 1;
  assert.throws(() => rate.admit(), { code: "rate_limited", retryAfterS: 60 });
});
