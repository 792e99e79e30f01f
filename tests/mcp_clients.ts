/**
 * The protocol's own clients, of both generations of its TypeScript SDK, seen alike; and a day on
 * which one of them calls every tool there is.
 */
import assert from "node:assert/strict";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client as FormerClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as FormerStdio } from "@modelcontextprotocol/sdk/client/stdio.js";
import {
  StreamableHTTPClientTransport as FormerHttp,
} from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { z } from "zod";
import type { Json } from "./http_app.ts";

/** What all of them can do. */
export interface Assistant {
  /** The protocol's revision that was agreed on. */
  readonly version: string | undefined;
  tools(): Promise<string[]>;
  call(name: string, args: Json): Promise<Json>;
  resources(): Promise<string[]>;
  read(uri: string): Promise<Json>;
  prompts(): Promise<string[]>;
  close(): Promise<void>;
}

export interface Started {
  readonly command: string;
  readonly args: string[];
  readonly env: Record<string, string>;
  readonly cwd: string;
}

/** Where a client goes: to an address with a key, or to a program that it starts. */
export type Way = { readonly url: string; readonly key: string } | Started;

const SELF = { name: "a test", version: "1.0.0" };

export const ASSISTANTS = {
  "the SDK 1": former,
  "the SDK 2 as before 2026": (way: Way) => present(way, "legacy"),
  "the SDK 2 as of 2026": (way: Way) => present(way, "auto"),
} as const;

/** `auto` asks first which revisions are spoken, and takes the newest. */
async function present(way: Way, mode: "legacy" | "auto"): Promise<Assistant> {
  const client = new Client(SELF, { versionNegotiation: { mode } });
  await client.connect(
    "url" in way
      ? new StreamableHTTPClientTransport(new URL(way.url), { requestInit: init(way.key) })
      : new StdioClientTransport({ ...way, stderr: "ignore" }),
  );
  return {
    version: client.getNegotiatedProtocolVersion(),
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: (name, args) => client.callTool({ name, arguments: args }),
    resources: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    read: async (uri) => (await client.readResource({ uri })).contents[0],
    prompts: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    close: () => client.close(),
  };
}

async function former(way: Way): Promise<Assistant> {
  const client = new FormerClient(SELF);
  const transport = "url" in way
    ? new FormerHttp(new URL(way.url), { requestInit: init(way.key) })
    : new FormerStdio({ ...way, stderr: "ignore" });
  // Its own types differ in what may be undefined.
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  return {
    version: undefined,
    tools: async () => listed(await client.listTools(), "name"),
    call: (name, args) => client.callTool({ name, arguments: args }),
    resources: async () => listed(await client.listResources(), "uri"),
    read: async (uri) => (await client.readResource({ uri })).contents[0],
    prompts: async () => listed(await client.listPrompts(), "name"),
    close: () => client.close(),
  };
}

/** By its types, which Deno cannot follow, this one answers anything. */
function listed(answer: Json, by: "name" | "uri"): string[] {
  const [, items = []] = Object.entries(answer).find(([, value]) => Array.isArray(value)) ?? [];
  return z.array(z.object({ [by]: z.string() })).parse(items).map((item) => item[by] ?? "");
}

function init(key: string): RequestInit {
  return { headers: { Authorization: `Bearer ${key}` } };
}

/** Every set there is. */
export const ALL_SETS = "default,reference,chatgpt,claude-memory";

/**
 * Calls each tool of all sets so that it has something to do, and looks at what it says. `mark` is
 * in every text, so that one day does not meet another's. Gives the names of those called.
 */
export async function everyTool(
  { call }: Pick<Assistant, "call">,
  mark: string,
): Promise<string[]> {
  const called: string[] = [];
  const done = async (name: string, args: Json): Promise<Json> => {
    const { isError, content, structuredContent } = await call(name, args);
    const text = content?.[0]?.text;
    assert.notEqual(isError, true, `${name}: ${text}`);
    called.push(name);
    return structuredContent ?? text;
  };
  await ownTools(done, mark);
  await referenceTools(done, mark);
  const { results } = await done("search", { query: `${mark} harbour` });
  const { text } = await done("fetch", { id: results[0].id });
  assert.match(text, new RegExp(mark));
  const path = `/memories/${mark}.md`;
  await done("memory", { command: "create", path, file_text: `# ${mark}\n` });
  assert.match(await done("memory", { command: "view", path }), new RegExp(mark));
  return [...new Set(called)];
}

type Done = (name: string, args: Json) => Promise<Json>;

async function ownTools(done: Done, mark: string): Promise<void> {
  const content = `${mark}: the ferry leaves the harbour at seven`;
  const { id } = await done("memory_add", { content, tags: [mark] });
  const found = await done("memory_search", { query: `${mark} ferry` });
  assert.match(JSON.stringify(found), new RegExp(id));
  assert.match(JSON.stringify(await done("memory_list", { tags: [mark] })), new RegExp(id));
  await done("memory_update", { id, content: `${content}, in summer at six` });
  assert.match(JSON.stringify(await done("memory_get", { id })), /in summer at six/);
  assert.match(JSON.stringify(await done("memory_context", { query: mark })), /in summer/);
  const other = await done("memory_add", { content: `${mark}: gone soon` });
  await done("memory_delete", { id: other.id });
}

async function referenceTools(done: Done, mark: string): Promise<void> {
  const [person, town] = [`${mark}_Ada`, `${mark}_Lisbon`];
  const entity = (name: string) => ({ name, entityType: "thing", observations: [`of ${mark}`] });
  const relation = { from: person, to: town, relationType: "lives in" };
  await done("create_entities", { entities: [entity(person), entity(town)] });
  await done("create_relations", { relations: [relation] });
  const more = { entityName: person, contents: [`sails, says ${mark}`] };
  await done("add_observations", { observations: [more] });
  assert.match(JSON.stringify(await done("read_graph", {})), /lives in/);
  assert.match(JSON.stringify(await done("search_nodes", { query: "sails" })), new RegExp(person));
  assert.match(JSON.stringify(await done("open_nodes", { names: [town] })), new RegExp(town));
  const less = { entityName: person, observations: [`of ${mark}`] };
  await done("delete_observations", { deletions: [less] });
  await done("delete_relations", { relations: [relation] });
  await done("delete_entities", { entityNames: [person, town] });
}
