/**
 * What must be in the brain after a crash: everything that was acknowledged, and of what was under
 * way either all or nothing. Each worker has ids of its own and one request at a time, so that
 * nothing else is possible.
 */
import assert from "node:assert/strict";
import type { Program } from "./program.ts";
import type { Reply } from "./reply.ts";
import { random } from "../random.ts";

/** The text of each memory that a request leaves behind; undefined where it is deleted. */
type Effect = ReadonlyMap<string, string | undefined>;

/** A create without an id of its own: found again by its words. */
interface Keyed {
  readonly key: string;
  readonly content: string;
}

const MOST_ALIVE = 25;
/** Of the creates with a key that were answered, so many are sent again after a crash. */
const KEYED_REMEMBERED = 5;
/** Together more than the journal may hold before a fresh snapshot is due. */
const BULK_TEXTS = 45, BULK_CHARACTERS = 100_000;

export class Worker {
  readonly #name: string;
  readonly #random: () => number;
  /** What was acknowledged. */
  readonly #known = new Map<string, string>();
  /** Deleted for good: must never come back. */
  readonly #gone = new Set<string>();
  /** Of the request that was under way when the process died. */
  #unknown: Effect | undefined;
  #unanswered: Keyed | undefined;
  /** The id of the unanswered create, where it was carried out. */
  #found: string | undefined;
  #keyed: (Keyed & { readonly id: string })[] = [];
  #isBulky = false;
  #count = 0;

  constructor(number: number, seed: number) {
    this.#name = number.toString(16).padStart(4, "0");
    this.#random = random(seed + number);
  }

  get known(): ReadonlyMap<string, string> {
    return this.#known;
  }

  /** All that may be there, and must be, once `check` has settled what was under way. */
  get expected(): [id: string, content: string][] {
    const found = this.#found, { content } = this.#unanswered ?? {};
    return [...this.#known, ...found === undefined || !content ? [] : [[found, content] as const]]
      .map(([id, content]) => [id, content]);
  }

  /** Writes one thing after the other until the process is gone; tells each that was answered. */
  async writeUntilGone(program: Program, answered: () => void): Promise<void> {
    try {
      while (true) {
        if (!await this.#writeOne(program)) return;
        answered();
      }
    } catch (error) {
      // What broke is the connection: anything else is a fault.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** False where the service is stopping and takes nothing any more. */
  async #writeOne(program: Program): Promise<boolean> {
    const kind = this.#random();
    const ids = [...this.#known.keys()];
    const id = ids[Math.floor(this.#random() * ids.length)];
    if (kind < 0.08) return await this.#import(program, ids.slice(0, 5));
    if (kind < 0.25) return await this.#createKeyed(program);
    if (id === undefined || (kind < 0.5 && ids.length < MOST_ALIVE)) {
      const content = this.#text();
      const id = this.#newId();
      return await this.#acknowledged(
        new Map([[id, content]]),
        201,
        () => program.ask("POST", "/memories", { id, content }),
      );
    }
    if (kind < 0.75 && ids.length < MOST_ALIVE) {
      const content = this.#text();
      const method = this.#random() < 0.5 ? "PUT" : "PATCH";
      return await this.#acknowledged(
        new Map([[id, content]]),
        200,
        () => program.ask(method, `/memories/${id}`, { content }),
      );
    }
    return await this.#acknowledged(
      new Map([[id, undefined]]),
      204,
      () => program.ask("DELETE", `/memories/${id}`),
    );
  }

  /** One import after the other, each so large that a fresh snapshot is soon due. */
  async writeBulkUntilGone(program: Program): Promise<void> {
    this.#isBulky = true;
    try {
      while (await this.#importAll(program, this.#bulk(BULK_CHARACTERS)));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** Makes the memories of the large import small again, so that the rounds after it stay quick. */
  async shrinkBulk(program: Program): Promise<void> {
    if (!this.#isBulky) return;
    assert.ok(await this.#importAll(program, this.#bulk(10)), "the import is taken");
    this.#isBulky = false;
  }

  #bulk(characters: number): Effect {
    const ids = Array.from({ length: BULK_TEXTS }, (_, i) => this.#id(0xb0000000 + i));
    return new Map(ids.map((id) => [id, `bulk ${++this.#count} `.padEnd(characters, "x")]));
  }

  async #import(program: Program, some: readonly string[]): Promise<boolean> {
    const effect = new Map(some.map((id) => [id, this.#text()]));
    for (let i = 0; i < 6; i++) effect.set(this.#newId(), this.#text());
    return await this.#importAll(program, effect);
  }

  async #importAll(program: Program, effect: Effect): Promise<boolean> {
    const lines = [...effect].map(([id, content]) => JSON.stringify({ id, content })).join("\n");
    return await this.#acknowledged(
      effect,
      200,
      () =>
        program.ask("POST", "/import?on_conflict=overwrite", lines, {
          "Content-Type": "application/x-ndjson",
          "Idempotency-Key": `import-${this.#name}-${this.#count}`,
        }),
      409,
    );
  }

  /** `busy` is a definite no. */
  async #acknowledged(
    effect: Effect,
    status: number,
    ask: () => Promise<Reply>,
    busy?: number,
  ): Promise<boolean> {
    this.#unknown = effect;
    const reply = await ask();
    if (reply.status === 503) return false;
    if (reply.status === busy) {
      this.#unknown = undefined;
      return true;
    }
    assert.equal(reply.status, status, reply.text);
    this.#settle(effect);
    this.#unknown = undefined;
    return true;
  }

  #settle(effect: Effect): void {
    for (const [id, content] of effect) {
      if (content !== undefined) this.#known.set(id, content);
      else {
        this.#known.delete(id);
        this.#gone.add(id);
      }
    }
  }

  async #createKeyed(program: Program): Promise<boolean> {
    this.#unanswered = { key: `key-${this.#name}-${++this.#count}`, content: this.#text() };
    return await this.#sendKeyed(program, this.#unanswered) !== undefined;
  }

  /** The id; undefined where the service is stopping. */
  async #sendKeyed(program: Program, { key, content }: Keyed): Promise<string | undefined> {
    const reply = await program.ask("POST", "/memories", { content }, { "Idempotency-Key": key });
    if (reply.status === 503) return undefined;
    assert.equal(reply.status, 201, reply.text);
    const id = reply.textAt("id");
    assert.equal(this.#found ?? id, id, "one key, one effect");
    this.#found = undefined;
    this.#known.set(id, content);
    this.#keyed = [{ key, content, id }, ...this.#keyed].slice(0, KEYED_REMEMBERED);
    this.#unanswered = undefined;
    return id;
  }

  /** After a restart: the same key again, for what was answered and for what was not. */
  async retry(program: Program): Promise<void> {
    const answered = this.#keyed.filter(({ id }) => !this.#gone.has(id));
    if (this.#unanswered !== undefined) await this.#sendKeyed(program, this.#unanswered);
    await Promise.all(answered.map(async ({ key, content, id }) => {
      const reply = await program.want(201, "POST", "/memories", { content }, {
        "Idempotency-Key": key,
      });
      assert.equal(reply.textAt("id"), id, "one key, one effect");
    }));
  }

  /** Compares with all that is there, and settles what was under way. */
  check(all: ReadonlyMap<string, string>, idOf: ReadonlyMap<string, string>): void {
    this.#found = idOf.get(this.#unanswered?.content ?? "");
    for (const id of this.#gone) assert.ok(!all.has(id), `${id} was deleted and is back`);
    const effect = this.#unknown;
    for (const [id, content] of this.#known) {
      if (effect?.has(id)) continue;
      assert.equal(all.get(id), content, `${id} was acknowledged`);
    }
    if (effect === undefined) return;
    const isNew = [...effect].every(([id, content]) => all.get(id) === content);
    const isOld = [...effect.keys()].every((id) => all.get(id) === this.#known.get(id));
    assert.ok(isNew || isOld, `a request with ${effect.size} effects is done by half`);
    if (isNew) this.#settle(effect);
    this.#unknown = undefined;
  }

  #newId(): string {
    return this.#id(++this.#count);
  }

  #id(number: number): string {
    return `01990000-0000-7000-8000-${this.#name}${number.toString(16).padStart(8, "0")}`;
  }

  /** Mostly short; now and then long enough that snapshots become due between the crashes. */
  #text(): string {
    const long = this.#random() < 0.1 ? " and so on".repeat(this.#random() * 3000) : "";
    return `note ${this.#name} ${++this.#count}${long}`;
  }
}
