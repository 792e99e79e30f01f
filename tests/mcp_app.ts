/**
 * The Model Context Protocol in process: the whole app with `/mcp` behind its door, asked as the
 * clients of both eras ask.
 */
import assert from "node:assert/strict";
import type { Brain } from "../src/brain.ts";
import { openFaces } from "../src/composition/faces.ts";
import type { Face } from "../src/http/face.ts";
import { logger } from "../src/log.ts";
import type { ToolSetName } from "../src/mcp/tool.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { leaks } from "./canary.ts";
import {
  type Asked,
  type HttpApp,
  type Json,
  KEY,
  NOW,
  type Reply,
  type Setup,
  withApp,
} from "./http_app.ts";

export const NEWER = "2026-07-28";
export const OLDER = ["2025-11-25", "2025-06-18", "2025-03-26"] as const;

/** For clients' names and capabilities: what a request of the newer era carries. */
export function envelope(version: string = NEWER): Json {
  return {
    "io.modelcontextprotocol/protocolVersion": version,
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1.0.0" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
}

export interface Sent extends Asked {
  /** Aborted: the client has gone. */
  readonly signal?: AbortSignal;
  /** Left out: the protocol's own. */
  readonly path?: string;
}

/** Sends a request to `/mcp`; its replies are of another document than ours. */
export async function send(app: HttpApp, method: string, asked: Sent = {}): Promise<Reply> {
  const headers = new Headers(asked.headers);
  if (asked.key !== null) headers.set("Authorization", `Bearer ${asked.key ?? KEY}`);
  const body = "json" in asked ? JSON.stringify(asked.json) : asked.body ?? null;
  if (body !== null) headers.set("Content-Type", asked.type ?? "application/json");
  const url = `http://brain${asked.path ?? "/mcp"}`;
  const signal = asked.signal ?? null;
  const response = await app.app.fetch(new Request(url, { method, headers, body, signal }));
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "") && text !== "";
  const reply = {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson ? JSON.parse(text) : undefined,
  };
  assert.deepEqual(leaks(`${text}\n${[...response.headers].join("\n")}`, [KEY]), []);
  return reply;
}

const ACCEPT = { Accept: "application/json, text/event-stream" };

/** One request of the newer era, with the headers that it must have. */
export async function ask(
  app: HttpApp,
  method: string,
  params: Json = {},
  asked: Sent = {},
): Promise<Reply> {
  const named = params.name ?? params.uri;
  return await send(app, "POST", {
    json: { jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: envelope() } },
    ...asked,
    headers: {
      ...ACCEPT,
      "MCP-Protocol-Version": NEWER,
      "Mcp-Method": method,
      ...(named !== undefined && { "Mcp-Name": named }),
      ...asked.headers,
    },
  });
}

/** One request of the older era. */
export async function askOlder(
  app: HttpApp,
  method: string,
  params: Json = {},
  asked: Sent = {},
): Promise<Reply> {
  return await send(app, "POST", {
    json: { jsonrpc: "2.0", id: 1, method, params },
    ...asked,
    headers: { ...ACCEPT, "MCP-Protocol-Version": OLDER[0], ...asked.headers },
  });
}

/** What a tool gives, in either era the same. */
export async function callTool(app: HttpApp, name: string, args: Json = {}): Promise<Json> {
  const newer = await ask(app, "tools/call", { name, arguments: args });
  assert.equal(newer.status, 200, newer.text);
  const { resultType, _meta, ...result } = newer.body.result ?? {};
  assert.equal(resultType, "complete", newer.text);
  return result;
}

/** The data of a call that went well. */
export async function done(app: HttpApp, name: string, args: Json = {}): Promise<Json> {
  const { isError, structuredContent, content } = await callTool(app, name, args);
  assert.equal(isError, undefined, content?.[0]?.text);
  return structuredContent;
}

/** What a model reads of a call that went wrong. */
export async function refused(app: HttpApp, name: string, args: Json = {}): Promise<string> {
  const { isError, content } = await callTool(app, name, args);
  assert.equal(isError, true, JSON.stringify(content));
  return content[0].text;
}

export async function withMcp(
  test: (app: HttpApp) => Promise<void>,
  setup: Setup & { readonly sets?: readonly ToolSetName[] } = {},
): Promise<void> {
  const clock = setup.clock ?? new FakeClock();
  if (setup.clock === undefined) await clock.advance(Date.parse(NOW));
  let running: HttpApp | undefined;
  const log = logger("debug", () => NOW, (line) => running?.logged.push(line));
  const { sets = ["default"], bodyBytes = 8 << 20 } = setup;
  const config = { toolSets: sets, compat: [], chatModel: undefined, embeddings: undefined };
  const bodyLimits = { bytes: bodyBytes, ms: 30_000 };
  const passed = { bodyLimits, clock, newId: () => crypto.randomUUID(), log };
  const faces = (brain: Brain): Face[] => {
    const opened = openFaces(config, brain, passed);
    const answer: Face["answer"] = async (...asked) => {
      const [face] = await opened;
      if (face === undefined) throw new Error("there is no face");
      return await face.answer(...asked);
    };
    return [{ paths: ["/mcp"], answer }];
  };
  await withApp(async (app) => {
    running = app;
    await test(app);
  }, { ...setup, clock, faces });
}
