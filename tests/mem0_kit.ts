/** mem0's face over the app in process, and a chat model that says what a test wants it to. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Brain } from "../src/brain.ts";
import type { ChatModel, Prompt } from "../src/chat_model.ts";
import { Extraction } from "../src/extraction.ts";
import { mem0Face } from "../src/http/mem0.ts";
import {
  type Asked,
  type HttpApp,
  type Json,
  KEY,
  NOW,
  replyLeaks,
  type Setup,
  withApp,
} from "./http_app.ts";
import { FakeClock } from "./fakes/indexing.ts";

export const READ_KEY = "read-0123456789abcdef";

/** What it was asked, and what it answers: a text, or an error that it throws. */
export class FakeChatModel implements ChatModel {
  readonly asked: Prompt[] = [];
  answer: string | Error = '{"memories": []}';

  reply(prompt: Prompt): Promise<string> {
    this.asked.push(prompt);
    const { answer } = this;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  }
}

export interface Mem0Setup {
  readonly clock: FakeClock;
  readonly model?: ChatModel;
}

/** For `withApp`; ids of events count on their own. */
export function mem0Setup({ clock, model }: Mem0Setup): Setup {
  let events = 0;
  const faces = (brain: Brain) => [mem0Face({
    brain,
    extraction: () =>
      Promise.resolve(model && new Extraction({ model, search: brain.search, clock })),
    bodyLimits: { bytes: 1 << 20, ms: 30_000 },
    clock,
    newId: () => `event-${++events}`,
  })];
  return { clock, faces, readKeys: [READ_KEY] };
}

export interface Mem0Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

/** As their clients ask: with their scheme, and with a slash at the end. */
export async function ask(
  app: HttpApp,
  method: string,
  path: string,
  asked: Asked = {},
): Promise<Mem0Reply> {
  const headers = new Headers(asked.headers);
  const key = asked.key === undefined ? KEY : asked.key;
  if (key !== null && !headers.has("authorization")) headers.set("Authorization", `Token ${key}`);
  const body = "json" in asked ? JSON.stringify(asked.json) : asked.body;
  if ("json" in asked) headers.set("Content-Type", asked.type ?? "application/json");
  const url = `http://brain${path}`;
  const request = new Request(url, { method, headers, ...(body !== undefined && { body }) });
  const response = await app.app.fetch(request);
  const text = await response.text();
  const { status } = response;
  const reply = { status, headers: response.headers, text, body: undefined };
  assert.deepEqual(replyLeaks(url, reply), [], `${method} ${path}`);
  return { status, headers: response.headers, body: JSON.parse(text) };
}

/** As `ask`, where the status is certain; gives the body. */
export async function told(
  status: number,
  app: HttpApp,
  method: string,
  path: string,
  json?: Json,
): Promise<Json> {
  const reply = await ask(app, method, path, json === undefined ? {} : { json });
  assert.equal(reply.status, status, `${method} ${path}: ${JSON.stringify(reply.body)}`);
  return reply.body;
}

/** Adds one message as it stands; gives its id. */
export async function add(app: HttpApp, text: string, fields: Json = {}): Promise<string> {
  const messages = [{ role: "user", content: text }];
  const json = { messages, infer: false, ...fields };
  return (await told(200, app, "POST", "/v3/memories/add/", json)).results[0].id;
}

export async function withMem0(
  test: (app: HttpApp, clock: FakeClock) => Promise<void>,
): Promise<void> {
  const clock = new FakeClock();
  await clock.advance(Date.parse(NOW));
  await withApp((app) => test(app, clock), mem0Setup({ clock }));
}

/** As every route shows a memory. */
export function shown(id: string, text: string, fields = {}) {
  return {
    id,
    memory: text,
    user_id: null,
    agent_id: null,
    app_id: null,
    run_id: null,
    hash: createHash("md5").update(text).digest("hex"),
    metadata: {},
    categories: [],
    created_at: NOW,
    updated_at: NOW,
    expiration_date: null,
    ...fields,
  };
}
