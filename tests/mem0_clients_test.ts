/**
 * mem0's own clients, as they are published, against the program: the one of npm and, where it is
 * installed under `.tools/mem0ai`, the one of PyPI. Both are told the same and must hear the same.
 *
 *     python3 -m venv .tools/mem0ai && .tools/mem0ai/bin/pip install mem0ai==2.2.1
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { within } from "./e2e/conditions.ts";
import { Place, type Program } from "./e2e/program.ts";
import { type FakeChat, fakeChat } from "./fakes/chat.ts";
import type { Json } from "./http_app.ts";

const NPM = "npm:mem0ai@3.3.1";
const PYTHON = fileURLToPath(new URL("../.tools/mem0ai/bin/python", import.meta.url));
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** How a client is told to do something: names are those of Python. */
interface Language {
  readonly command: (host: string, key: string) => readonly string[];
  readonly call: (method: string, args: readonly Json[], named: Json) => Json;
  /** What an answer is by the names of Python. */
  readonly heard: (value: Json) => Json;
}

const camel = (name: string) => name.replaceAll(/_([a-z])/g, (_, letter) => letter.toUpperCase());
const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Metadata and filters are data: their names stay as they are. */
function renamed(value: Json, rename: (name: string) => string): Json {
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      const isData = name === "metadata" || name === "filters";
      return [rename(name), isData ? item : renamed(item, rename)];
    }),
  );
}

const TYPESCRIPT: Language = {
  command: (host, key) => [
    ...[Deno.execPath(), "run", "--quiet", "--no-config", "--no-lock", "--no-check", "-A"],
    ...[here("mem0_puppet.ts"), NPM, host, key],
  ],
  call: (method, args, named) => ({
    method: camel(method),
    args: [
      // The one call that the two clients take in another form.
      ...method === "batch_delete"
        ? args.map((list: Json) => list.map(({ memory_id }: Json) => memory_id))
        : renamed(args, camel),
      ...(Object.keys(named).length > 0 ? [renamed(named, camel)] : []),
    ],
  }),
  heard: (value) => renamed(value, snake),
};

const PYTHON_LANGUAGE: Language = {
  command: (host, key) => [PYTHON, here("mem0_puppet.py"), host, key],
  call: (method, args, named) => ({ method, args, named }),
  heard: (value) => value,
};

/** A client in a process of its own. */
class Client implements AsyncDisposable {
  readonly #language: Language;
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  #read = "";

  constructor(language: Language, { url, key }: Program, folder: string) {
    this.#language = language;
    const [command = "", ...args] = language.command(url, key);
    this.#child = new Deno.Command(command, {
      args,
      // It counts its users elsewhere, and notes an id of theirs, unless it is told not to.
      env: { MEM0_TELEMETRY: "false", MEM0_DIR: folder, NO_COLOR: "1" },
      cwd: folder,
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  async #answer(method: string, args: readonly Json[], named: Json): Promise<Json> {
    const writer = this.#child.stdin.getWriter();
    const line = JSON.stringify(this.#language.call(method, args, named));
    await writer.write(new TextEncoder().encode(`${line}\n`));
    writer.releaseLock();
    while (!this.#read.includes("\n")) {
      const { done, value } = await within(30_000, this.#lines.read(), () => `${method} answers`);
      if (done) throw new Error(`Cannot call ${method}: the client ended`);
      this.#read += value;
    }
    const [answer = "", ...rest] = this.#read.split("\n");
    this.#read = rest.join("\n");
    return JSON.parse(answer);
  }

  async call(method: string, args: readonly Json[] = [], named: Json = {}): Promise<Json> {
    const { value, error } = await this.#answer(method, args, named);
    assert.equal(error, undefined, `${method}: ${JSON.stringify(error)}`);
    return this.#language.heard(value);
  }

  async fails(name: string, detail: string, method: string, args: Json[], named: Json = {}) {
    const { error } = await this.#answer(method, args, named);
    assert.equal(error?.name, name, `${method}: ${JSON.stringify(error)}`);
    assert.ok(error.message.includes(detail), `${method}: ${error.message}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close();
    await within(10_000, this.#child.status, () => "the client ends");
    await this.#lines.cancel();
  }
}

const memoriesIn = (results: Json): string[] => results.map(({ memory }: Json) => memory);

/** Everything that a client can do, and that has a meaning here. */
async function wholeCycle(client: Client): Promise<void> {
  const said = (...texts: string[]) => texts.map((content) => ({ role: "user", content }));
  const whose = { user_id: "ada", agent_id: "gardener" };
  const added = await client.call("add", [said("The fence gets cedar posts.", "Tea is at five.")], {
    ...whose,
    metadata: { source: "phone", "n_1": [1, { a_b: null }] },
    infer: false,
  });
  const [id, other]: string[] = added.results.map(({ id }: Json) => id);
  assert.deepEqual([added.status, added.results.length], ["SUCCEEDED", 2]);
  await client.call("add", [said("Bob paints.")], { user_id: "bob", infer: false });

  const memory = await client.call("get", [id]);
  const { created_at, updated_at, hash, ...rest } = memory;
  assert.deepEqual([typeof created_at, updated_at, typeof hash], ["string", created_at, "string"]);
  assert.deepEqual(rest, {
    ...{ id, memory: "The fence gets cedar posts.", ...whose, app_id: null, run_id: null },
    metadata: { source: "phone", "n_1": [1, { a_b: null }] },
    categories: [],
    expiration_date: null,
  });

  const filters = { user_id: "ada" };
  const all = await client.call("get_all", [], { filters, page: 1, page_size: 1 });
  assert.deepEqual([all.count, memoriesIn(all.results)], [2, ["Tea is at five."]]);
  assert.match(all.next, /\/v3\/memories\/\?page=2&page_size=1$/);
  const second = await client.call("get_all", [], { filters, page: 2, page_size: 1 });
  assert.deepEqual([second.next, second.results], [null, [memory]]);

  const found = await client.call("search", ["what is the fence made of"], { filters });
  assert.equal(memoriesIn(found.results)[0], memory.memory);
  const nobody = await client.call("search", ["fence"], { filters: { user_id: "nobody" } });
  assert.deepEqual(nobody, { results: [] });
  const either = { OR: [{ user_id: "bob" }, { metadata: { source: "phone" } }] };
  assert.equal((await client.call("get_all", [], { filters: either })).count, 3);

  const text = "The fence gets oak posts.";
  assert.equal((await client.call("update", [id], { text })).memory, text);
  const history = await client.call("history", [id]);
  assert.deepEqual(
    history.map(({ event, old_memory, new_memory }: Json) => [event, old_memory, new_memory]),
    [["ADD", null, memory.memory], ["UPDATE", memory.memory, text]],
  );
  const batch = [{ memory_id: id, text: "Oak it is." }, { memory_id: other, text: "Tea at six." }];
  const updated = await client.call("batch_update", [batch]);
  assert.deepEqual(updated, { message: "Successfully updated 2 memories" });
  const now = await client.call("get_all", [], { filters });
  assert.deepEqual(memoriesIn(now.results).toSorted(), ["Oak it is.", "Tea at six."]);

  const users = await client.call("users");
  assert.deepEqual(
    users.results.map(({ type, name, total_memories }: Json) => [type, name, total_memories]),
    [["agent", "gardener", 2], ["user", "ada", 2], ["user", "bob", 1]],
  );
  await deletions(client, [id, other]);
}

async function deletions(client: Client, [id, other]: Json[]): Promise<void> {
  const message = (text: string) => ({ message: text });
  assert.deepEqual(await client.call("delete", [id]), message("Memory deleted successfully!"));
  await client.fails("MemoryNotFoundError", "there is none with the id", "get", [id]);
  assert.deepEqual(
    await client.call("batch_delete", [[{ memory_id: other }]]),
    message("Successfully deleted 1 memories"),
  );
  const gone = [{ memory_id: other }];
  await client.fails("MemoryNotFoundError", "there is none", "batch_delete", [gone]);
  await client.call("add", ["Cleo sings."], { user_id: "cleo", infer: false });
  assert.deepEqual(
    await client.call("delete_all", [], { user_id: "cleo" }),
    message("Memories deleted successfully!"),
  );
  assert.deepEqual(
    await client.call("delete_users", [], { user_id: "bob" }),
    message("Entity deleted successfully."),
  );
  const whose = { user_id: "ada", agent_id: "gardener" };
  await client.call("add", ["Dan sings."], { ...whose, infer: false });
  // One after the other, and the user has no memory left once the agent's are gone.
  await client.call("delete_users");
  assert.equal((await client.call("get_all")).count, 0);
  await client.fails("ValidationError", "say whose", "delete_all", []);
  await client.fails("MemoryError", "no webhooks", "get_webhooks", [], { project_id: "any" });
}

/** What a chat model finds in what is said, unless it is not to be asked. */
async function inference(client: Client, chat: FakeChat): Promise<void> {
  chat.answer = '{"memories": [{"text": "Ada likes tea."}]}';
  const messages = [{ role: "user", content: "I had tea, as I like it." }];
  const { results } = await client.call("add", [messages], { user_id: "ada" });
  assert.deepEqual(memoriesIn(results), ["Ada likes tea."]);
  const all = await client.call("get_all", [], { filters: { user_id: "ada" } });
  assert.deepEqual(memoriesIn(all.results), ["Ada likes tea."]);
  const kept = await client.call("add", [messages], { user_id: "ada", infer: false });
  assert.deepEqual(memoriesIn(kept.results), ["I had tea, as I like it."]);
  assert.equal(chat.asked.length, 1);
  chat.answer = () => new Response("", { status: 500 });
  const named = { user_id: "ada", infer: true };
  await client.fails(
    "NetworkError",
    "the provider answered 500; try again",
    "add",
    [messages],
    named,
  );
}

async function againstProgram(language: Language): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "second-brain-mem0-" });
  const chat = fakeChat();
  try {
    await using place = new Place();
    const env = { COMPAT: "mem0", OPENAI_BASE_URL: chat.baseUrl, CHAT_MODEL: "any" };
    const program = await place.serve(env);
    {
      await using client = new Client(language, program, folder);
      await wholeCycle(client);
      await inference(client, chat);
    }
    await program.stop();
  } finally {
    await chat.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** Undefined where it can be had. */
async function npmMissing(): Promise<string | undefined> {
  const args = ["cache", "--quiet", "--no-config", "--no-lock", NPM];
  const { success } = await new Deno.Command(Deno.execPath(), {
    args,
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(60_000),
  }).output();
  return success ? undefined : " (skipped: the package cannot be had from here)";
}

function pythonMissing(): string | undefined {
  try {
    Deno.statSync(PYTHON);
    return undefined;
  } catch {
    return " (skipped: it is not installed under .tools/mem0ai)";
  }
}

for (
  const [name, language, missing] of [
    [NPM, TYPESCRIPT, await npmMissing()],
    ["PyPI's mem0ai", PYTHON_LANGUAGE, pythonMissing()],
  ] as const
) {
  Deno.test({
    name: `${name} does its whole cycle against a live brain${missing ?? ""}`,
    ignore: missing !== undefined,
    fn: () => againstProgram(language),
  });
}
