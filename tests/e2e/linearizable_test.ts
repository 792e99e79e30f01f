/**
 * Sixteen clients at the same few memories, until the process is killed: every answer, and what is
 * there after the restart, can be explained by one order of what they asked.
 */
import assert from "node:assert/strict";
import { random } from "../random.ts";
import { impossible, isExplained, type Operation, type Value } from "./linearizable.ts";
import { Place, type Program, type Reply } from "./program.ts";

const CLIENTS = 16, MEMORIES = 6;
const LIVES = Number(Deno.env.get("E2E_LIVES") ?? 5);
const SEED = Number(Deno.env.get("E2E_SEED") ?? Math.floor(Math.random() * 2 ** 31));
const MOST_ANSWERS = 400;

const IDS = Array.from({ length: MEMORIES }, (_, i) => `01990000-0000-7000-8000-00000000000${i}`);

Deno.test("an order that explains everything is found where there is one, and only there", () => {
  const put = (text: string, sentMs: number, answeredMs?: number): Operation => {
    return { sentMs, answeredMs, apply: () => text };
  };
  const get = (text: Value, sentMs: number, answeredMs: number): Operation => {
    return { sentMs, answeredMs, apply: (before) => before === text ? before : impossible };
  };
  const history = [put("a", 0, 2), put("b", 1, 3), get("a", 4, 5)];
  assert.ok(isExplained(undefined, history, "a"), "b before a");
  assert.ok(!isExplained(undefined, history, "b"), "a was read after both");
  assert.ok(!isExplained(undefined, [put("a", 0, 1), get(undefined, 2, 3)], "a"), "a stale read");
  assert.ok(!isExplained(undefined, [put("a", 0, 1)], undefined), "lost");
  assert.ok(isExplained(undefined, [put("a", 0)], undefined), "not carried out");
  assert.ok(isExplained(undefined, [put("a", 0), get("a", 1, 2)], "a"), "carried out");
  assert.ok(!isExplained(undefined, [put("a", 0), get("a", 1, 2)], undefined), "seen, then gone");
});

Deno.test(`what ${CLIENTS} clients see of the same memories, also across kills, has one order`, async () => {
  await using place = new Place();
  console.log(`E2E_SEED=${SEED}, ${LIVES} lives`);
  const chance = random(SEED);
  let count = 0, operations = 0, unknown = 0;
  let program = await place.serve();
  let held: ReadonlyMap<string, string> = new Map();
  for (let life = 0; life < LIVES; life++) {
    const history = new History(held, () => `text ${++count}`);
    let left = Math.floor(chance() * MOST_ANSWERS);
    const clients = Array.from({ length: CLIENTS }, async (_, client) => {
      const own = random(SEED + 1000 * life + client);
      while (await history.ask(program, own)) {
        if (--left === 0) program.kill();
      }
    });
    if (left === 0) program.kill();
    await Promise.all(clients);
    await program.ended;
    program = await place.serve();
    held = await everything(program);
    history.check(held);
    operations += history.size;
    unknown += history.unknown;
  }
  console.log(`${operations} requests, ${unknown} of them without an answer`);
  await program.crash();
});

class History {
  readonly #before: ReadonlyMap<string, string>;
  readonly #newText: () => string;
  readonly #operations = new Map<string, Operation[]>(IDS.map((id) => [id, []]));
  /** The text that each ETag stands for; each text is written once only. */
  readonly #textOf = new Map<string, string>();
  unknown = 0;

  constructor(before: ReadonlyMap<string, string>, newText: () => string) {
    this.#before = before;
    this.#newText = newText;
  }

  get size(): number {
    return [...this.#operations.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** One request of any kind; false where the process is gone. */
  async ask(program: Program, chance: () => number): Promise<boolean> {
    const id = IDS[Math.floor(chance() * IDS.length)] ?? "";
    const text = this.#newText();
    const kind = chance();
    if (kind < 0.4) return await this.#send(program, id, "GET", text);
    if (kind < 0.55) return await this.#send(program, id, "POST", text);
    if (kind < 0.7) return await this.#send(program, id, "PUT", text);
    if (kind < 0.8) return await this.#send(program, id, "DELETE", text);
    const [tag] = [...this.#textOf.keys()].slice(-1 - Math.floor(chance() * 5));
    return await this.#send(program, id, "PUT", text, tag);
  }

  async #send(
    program: Program,
    id: string,
    method: "GET" | "POST" | "PUT" | "DELETE",
    text: string,
    tag?: string,
  ): Promise<boolean> {
    const sentMs = performance.now();
    const path = method === "POST" ? "/memories" : `/memories/${id}`;
    const body = method === "POST" ? { id, content: text } : { content: text };
    const headers = tag === undefined ? {} : { "If-Match": tag };
    const hasBody = method === "POST" || method === "PUT";
    const expected = tag === undefined ? undefined : this.#textOf.get(tag);
    try {
      const reply = await program.ask(method, path, hasBody ? body : undefined, headers);
      const answeredMs = performance.now();
      const held = reply.status < 204 ? reply.textAt("content") : undefined;
      const etag = reply.headers.get("ETag");
      if (held !== undefined && etag !== null) this.#textOf.set(etag, held);
      const apply = answered(method, reply, method === "GET" ? held : text, expected);
      this.#operations.get(id)?.push({ sentMs, answeredMs, apply });
      return true;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // As `fetch` says that it is gone.
      if (method !== "GET") this.unknown++;
      const apply = unanswered(method, text, expected);
      this.#operations.get(id)?.push({ sentMs, answeredMs: undefined, apply });
      return false;
    }
  }

  check(after: ReadonlyMap<string, string>): void {
    for (const [id, operations] of this.#operations) {
      const isFine = isExplained(this.#before.get(id), operations, after.get(id));
      assert.ok(isFine, `${id}: ${operations.length} requests, seed ${SEED}`);
    }
  }
}

/** What must have been there for this answer, and what it left. */
function answered(
  method: string,
  { status, text }: Reply,
  value: Value,
  expected: Value,
): Operation["apply"] {
  const where =
    (isRight: (before: Value) => boolean, after: (before: Value) => Value) => (before: Value) =>
      isRight(before) ? after(before) : impossible;
  const same = (before: Value) => before;
  switch (`${method} ${status}`) {
    case "GET 200":
      return where((before) => before === value, same);
    case "POST 201":
      return where((before) => before === undefined, () => value);
    case "POST 409":
      return where((before) => before !== undefined, same);
    case "PUT 200":
      return where(
        (before) => before !== undefined && (expected ?? before) === before,
        () => value,
      );
    case "PUT 412":
      return where((before) => before !== expected, same);
    case "DELETE 204":
      return where((before) => before !== undefined, () => undefined);
    case "GET 404":
    case "PUT 404":
    case "DELETE 404":
      return where((before) => before === undefined, same);
  }
  throw new Error(`${method} was answered with ${status}: ${text}`);
}

/** What it does where it is carried out. */
function unanswered(method: string, text: string, expected: Value): Operation["apply"] {
  return (before) => {
    if (method === "GET") return before;
    if (method === "DELETE") return undefined;
    if (method === "POST") return before ?? text;
    return before === undefined || (expected ?? before) !== before ? before : text;
  };
}

async function everything(program: Program): Promise<Map<string, string>> {
  const { text } = await program.want(200, "POST", "/export", { format: "ndjson" });
  const lines = text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  return new Map(lines.map(({ id, content }) => [id, content]));
}
