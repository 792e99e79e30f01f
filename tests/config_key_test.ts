/** The key: where it is taken from, and which are too weak. */
import assert from "node:assert/strict";
import { CANARY, type Environment, KEY, load, problemsOf } from "./environment.ts";

const MAKE = "make one up, for example: openssl rand -hex 32";
const KNOWN = `CONTAINER_API_KEY is a well-known one; ${MAKE}`;
const SHORT = "CONTAINER_API_KEY is shorter than 16 characters; make one: openssl rand -hex 32";

Deno.test("a weak key is a problem in production and a warning in development", () => {
  const table: [string, string][] = [
    ["changeme", KNOWN],
    ["Change-Me-123456789", KNOWN],
    ["secret", KNOWN],
    ["password12345678", KNOWN],
    ["test-test", SHORT],
    ["your-api-key-here-please", KNOWN],
    ["my-secret-key-123", KNOWN],
    ["a".repeat(32), KNOWN],
    ["0123456789abcdef", KNOWN],
    ["1234567890123456", KNOWN],
    ["x", SHORT],
    ["-".repeat(20), KNOWN],
    ["q9Zr4-Lm2Xw7_Kd", SHORT],
  ];
  for (const [key, problem] of table) {
    const env = { CONTAINER_API_KEY: key };
    assert.deepEqual([key, problemsOf({ ...env, ENVIRONMENT: "production" })], [key, [problem]]);
    assert.deepEqual([load(env).key, load(env).warnings], [key, [problem]]);
  }
  const strong = [
    "q9Zr4-Lm2Xw7_Kd8",
    KEY,
    "83920174650192837465",
    "deadbeefcafebabe01",
    "x".repeat(3) + KEY,
  ];
  for (const key of strong) {
    const env = { CONTAINER_API_KEY: key, ENVIRONMENT: "production" };
    assert.deepEqual([load(env).key, load(env).warnings], [key, []]);
  }
});

Deno.test("production needs a key, from one place, and says what is wrong with it", () => {
  const missing = "CONTAINER_API_KEY is not set; production needs a key of 16 characters or more";
  const both = "CONTAINER_API_KEY and CONTAINER_API_KEY_FILE are both set; keep one";
  const form = "must be printable ASCII without blanks and commas, at most 512 characters";
  const file = "the key in CONTAINER_API_KEY_FILE";
  const table: [Environment, string, string][] = [
    [{}, "", missing],
    [{ CONTAINER_API_KEY: "" }, "", missing],
    [{ CONTAINER_API_KEY: "   " }, "", `CONTAINER_API_KEY ${form}`],
    [{ CONTAINER_API_KEY: `${KEY} ${KEY}` }, "", `CONTAINER_API_KEY ${form}`],
    [{ CONTAINER_API_KEY: `${KEY}\n` }, "", `CONTAINER_API_KEY ${form}`],
    [{ CONTAINER_API_KEY: KEY + "\u00e9" }, "", `CONTAINER_API_KEY ${form}`],
    [{ CONTAINER_API_KEY: KEY.repeat(30) }, "", `CONTAINER_API_KEY ${form}`],
    [{ CONTAINER_API_KEY: KEY, CONTAINER_API_KEY_FILE: "/k" }, KEY, both],
    [{ CONTAINER_API_KEY_FILE: "/k" }, "\n", "the file that CONTAINER_API_KEY_FILE names is empty"],
    [
      { CONTAINER_API_KEY_FILE: `/${CANARY}` },
      KEY,
      "the file that CONTAINER_API_KEY_FILE names cannot be read",
    ],
    [{ CONTAINER_API_KEY_FILE: "/k" }, `${KEY}\n\n`, `${file} ${form}`],
    [{ CONTAINER_API_KEY_FILE: "/k" }, "changeme", `${file} is a well-known one; ${MAKE}`],
  ];
  for (const [env, text, problem] of table) {
    const seen = problemsOf({ ...env, ENVIRONMENT: "production" }, { "/k": text });
    assert.deepEqual([env, seen], [env, [problem]]);
  }
  for (const end of ["", "\n", "\r\n"]) {
    const env = { CONTAINER_API_KEY_FILE: "/k", ENVIRONMENT: "production" };
    assert.equal(load(env, { "/k": KEY + end }).key, KEY);
  }
  assert.equal(load({ ENVIRONMENT: "production" }, {}, false).key, undefined);
});

Deno.test("a key for reading is a second one, from one place, and never the container's own", () => {
  const READ = `${CANARY}-read-0123456789abcdef`;
  const own = { CONTAINER_API_KEY: KEY };
  const file = { ...own, CONTAINER_READ_KEY_FILE: "/read" };
  assert.equal(load({ ...own, CONTAINER_READ_KEY: READ }).readKey, READ);
  assert.equal(load(file, { "/read": `${READ}\n` }).readKey, READ);
  assert.equal(load(own).readKey, undefined);
  assert.deepEqual(problemsOf({ ...own, CONTAINER_READ_KEY: KEY }), [
    "CONTAINER_READ_KEY is the container's own key; make up another",
  ]);
  assert.deepEqual(problemsOf({ ...file, CONTAINER_READ_KEY: READ }, { "/read": READ }), [
    "CONTAINER_READ_KEY and CONTAINER_READ_KEY_FILE are both set; keep one",
  ]);
  assert.deepEqual(problemsOf(file, { "/read": "\n" }), [
    "the file that CONTAINER_READ_KEY_FILE names is empty",
  ]);
});
