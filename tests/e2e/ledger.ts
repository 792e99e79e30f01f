/**
 * What a brain must hold after it was asked for much while its disk, its memory or its descriptors
 * failed: all that was answered with 2xx, nothing of what was refused, and of what nobody can know
 * one or the other, but nothing else.
 */
import assert from "node:assert/strict";
import type { Program, Reply } from "./program.ts";

/** The text of a memory; undefined where it is not there. */
type Text = string | undefined;

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly key?: string;
}

export class Ledger {
  /** For each id every text that it may have; exactly one where an answer said so. */
  readonly #may = new Map<string, readonly Text[]>();
  /** Creates of which nobody knows, to be sent again. */
  readonly #unsettled = new Map<string, { readonly request: Request; readonly text: Text }>();
  #count = 0;
  acknowledged = 0;
  refused = 0;
  unknown = 0;

  /** A fresh memory of so many characters, under an Idempotency-Key of its own. */
  async create(program: Program, characters = 20): Promise<number> {
    const number = (++this.#count).toString(16).padStart(12, "0");
    const id = `01990000-0000-7000-8000-${number}`;
    const text = `note ${number} `.padEnd(characters, "x"); // One word costs the index little.
    const body = { id, content: text };
    const request = { method: "POST", path: "/memories", body, key: `key-${number}` };
    const { status, isUnknown } = await this.#ask(program, id, text, request);
    if (isUnknown) this.#unsettled.set(id, { request, text });
    return status;
  }

  /** New text for one that is there. */
  async update(program: Program, id: string, content: string): Promise<number> {
    const request = { method: "PUT", path: `/memories/${id}`, body: { content } };
    return (await this.#ask(program, id, content, request)).status;
  }

  async remove(program: Program, id: string): Promise<number> {
    const request = { method: "DELETE", path: `/memories/${id}` };
    return (await this.#ask(program, id, undefined, request)).status;
  }

  /** Sends again what nobody knows of: the same keys, so that each has one effect. */
  async settle(program: Program): Promise<void> {
    for (const [id, { request, text }] of this.#unsettled) {
      const { status } = await this.#ask(program, id, text, request);
      assert.equal(status, 201, `${id} is sent again`);
      this.#unsettled.delete(id);
    }
  }

  /** Those that are certainly there, oldest first. */
  get ids(): string[] {
    return [...this.#may].filter(([, [text, ...other]]) => {
      return text !== undefined && other.length === 0;
    }).map(([id]) => id);
  }

  /** The status; 0 where the connection broke. */
  async #ask(program: Program, id: string, text: Text, request: Request) {
    const before = this.#may.get(id) ?? [undefined];
    this.#may.set(id, [...before, text]); // While it is under way, either.
    const reply = await answerOf(program, request);
    const status = reply?.status ?? 0;
    const isUnknown = reply === undefined || status === 500 || /Cannot tell/.test(reply.text);
    if (status >= 200 && status < 300) {
      this.acknowledged++;
      this.#may.set(id, [text]);
    } else if (isUnknown) this.unknown++;
    else {
      this.refused++;
      this.#may.set(id, before);
    }
    return { status, isUnknown };
  }

  /** Compares with everything that the brain holds. */
  async check(program: Program): Promise<void> {
    const { text } = await program.want(200, "POST", "/export", { format: "ndjson" });
    const lines = text.split("\n").filter((line) => line !== "");
    this.compare(lines.map((line) => JSON.parse(line)));
  }

  compare(memories: readonly { readonly id: string; readonly content: string }[]): void {
    const held = new Map(memories.map(({ id, content }) => [id, content]));
    assert.equal(held.size, memories.length, "no id twice");
    const short = (text: Text) => text?.slice(0, 40) ?? "not there";
    for (const [id, texts] of this.#may) {
      const found = held.get(id);
      if (texts.includes(found)) continue;
      assert.fail(`${id} is ${short(found)}, and must be ${texts.map(short).join(" or ")}`);
    }
    for (const id of held.keys()) assert.ok(this.#may.has(id), `${id} was never sent`);
  }
}

/** Undefined where the connection broke. */
async function answerOf(program: Program, request: Request): Promise<Reply | undefined> {
  const { method, path, body, key } = request;
  try {
    return await program.ask(method, path, body, key ? { "Idempotency-Key": key } : {});
  } catch (error) {
    if (error instanceof TypeError) return undefined; // As `fetch` says it.
    throw error;
  }
}
