/** A client's end of the bridge's pipes, with answers in place of a brain. */
import assert from "node:assert/strict";
import { Bridge, type BridgeOptions } from "../src/mcp/bridge.ts";
import { FakeClock } from "./fakes/indexing.ts";
import type { Json } from "./http_app.ts";

const KEY = "bridge-key-0123456789";
export const URL_ASKED = "http://brain.test/mcp";
export const UNSENT = new TypeError("the connection was refused");

interface Sent {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Answer = (sent: Sent, signal: AbortSignal) => Response | Promise<Response>;

/** A client's end of the pipes, with a brain made of answers. */
export class BridgedClient {
  readonly clock = new FakeClock();
  readonly sent: Sent[] = [];
  readonly said: string[] = [];
  readonly bridge: Bridge;
  readonly #input = new TransformStream<Uint8Array, Uint8Array>(undefined, {
    highWaterMark: 1_000,
  });
  readonly #writer = this.#input.writable.getWriter();
  #out = "";

  constructor(answer: Answer, options: Partial<BridgeOptions> = {}) {
    this.bridge = new Bridge({
      url: URL_ASKED,
      key: KEY,
      fetch: async (url, { headers, body, signal }) => {
        const sent = {
          url,
          headers: Object.fromEntries(new Headers(headers)),
          body: typeof body === "string" ? body : "",
        };
        this.sent.push(sent);
        assert.ok(signal);
        return await answer(sent, signal);
      },
      wasUnsent: (error) => error === UNSENT,
      pieces: this.#input.readable,
      out: (bytes) => Promise.resolve(void (this.#out += new TextDecoder().decode(bytes))),
      say: (line) => void this.said.push(line),
      maxMessageBytes: 10_000,
      clock: this.clock,
      ...options,
    });
  }

  async write(text: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(text));
    await this.clock.advance(0);
  }

  async send(...messages: Json[]): Promise<void> {
    await this.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(""));
  }

  /** What came back so far; only whole messages come. */
  get received(): Json[] {
    return this.#out.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  }

  async end(): Promise<void> {
    await this.#writer.close();
    await this.clock.until(this.bridge.ended);
    assert.equal(this.clock.waiting, 0, "no timer is left");
  }
}

export function request(id: number | string, method: string, params: Json = {}): Json {
  return { jsonrpc: "2.0", id, method, params };
}

export function newer(id: number | string, method: string, params: Json = {}): Json {
  const _meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
  return request(id, method, { ...params, _meta });
}

export const resultOf = (id: Json, result: Json = {}) => ({ jsonrpc: "2.0", id, result });

/** Answers whatever is asked. */
export const echo: Answer = ({ body }) => {
  const { id, method } = JSON.parse(body);
  if (id === undefined) return new Response(null, { status: 202 });
  return Response.json(
    resultOf(id, method === "initialize" ? { protocolVersion: "2025-06-18" } : {}),
  );
};

export function problem(status: number, code: string, detail: string): Response {
  return Response.json({ type: `urn:second-brain:error:${code}`, detail }, { status });
}

export const COMMON = {
  "accept": "application/json, text/event-stream",
  "authorization": `Bearer ${KEY}`,
  "content-type": "application/json",
};
