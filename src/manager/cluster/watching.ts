/**
 * One watch: lines of JSON as they come. The server ends each after some minutes, which is nothing:
 * it is opened again where it was. Bookmarks come each minute, so silence means that nobody is there.
 */
import { z } from "zod";
import type { Clock } from "../../clock.ts";
import { readLines } from "../../lines.ts";
import { ClusterError, type WatchEvent } from "../cluster.ts";
import { type ApiConnection, unavailableFor } from "./connection.ts";
import { readObject } from "./objects.ts";
import { refusalIn } from "./reply.ts";

const SILENCE_MS = 150_000;
/** The server refuses objects of more than some 3 MiB. */
const MOST_LINE_BYTES = 8 * 2 ** 20;
/** One that ends sooner than that was no watch: the next is not opened at once. */
const LEAST_MS = 1_000;

const lineSchema = z.looseObject({ type: z.string(), object: z.unknown() });

export interface WatchOptions {
  readonly connection: ApiConnection;
  readonly clock: Clock;
  /** The path from a version on. */
  readonly pathFrom: (resourceVersion: string) => string;
  readonly resourceVersion: string;
  readonly signal: AbortSignal;
}

/** Ends when `signal` aborts; throws as the port says. */
export async function* watchEvents(options: WatchOptions): AsyncGenerator<WatchEvent> {
  const { clock, signal } = options;
  let version = options.resourceVersion;
  while (!signal.aborted) {
    const openedAt = clock.now();
    for await (const event of openOnce(options, version)) {
      version = event.object.metadata.resourceVersion ?? version;
      yield event;
      if (signal.aborted) return;
    }
    if (clock.now() - openedAt < LEAST_MS) await pause(clock, LEAST_MS, signal);
  }
}

async function* openOnce(
  { connection, clock, pathFrom, signal }: WatchOptions,
  version: string,
): AsyncGenerator<WatchEvent> {
  using silence = new Silence(clock, signal);
  try {
    const body = await connection.open(pathFrom(version), silence.signal);
    for await (const lines of readLines(pieces(body, silence), MOST_LINE_BYTES)) {
      for (const line of lines) {
        // The last line of a connection that broke.
        if (!line.ended && !line.tooLong) return;
        if (line.bytes.length > 0 || line.tooLong) yield eventOf(line);
      }
    }
  } catch (error) {
    if (signal.aborted) return;
    throw unavailableFor(error, silence.signal);
  }
}

async function* pieces(
  body: ReadableStream<Uint8Array>,
  silence: Silence,
): AsyncGenerator<Uint8Array> {
  for await (const piece of body) {
    // What the reader of the events takes his time for is not the server's silence.
    silence.end();
    yield piece;
    silence.begin();
  }
}

function eventOf(line: { readonly bytes: Uint8Array; readonly tooLong: boolean }): WatchEvent {
  if (line.tooLong) throw broken(`a line has more than ${MOST_LINE_BYTES} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(line.bytes));
  } catch {
    throw broken("a line is no JSON");
  }
  const { success, data } = lineSchema.safeParse(value);
  if (!success) throw broken("a line is no event");
  if (data.type === "ERROR") throw refusalIn(data.object).error;
  return { type: typeOf(data.type), object: readObject(data.object) };
}

function typeOf(type: string): WatchEvent["type"] {
  if (type === "DELETED") return "deleted";
  if (type === "BOOKMARK") return "bookmark";
  if (type === "ADDED" || type === "MODIFIED") return "put";
  throw broken("an event is of a type that is not known");
}

function broken(what: string): ClusterError {
  return new ClusterError("unavailable", 200, "", `Cannot watch: ${what}`);
}

/** Aborts where nothing comes for long, or when `outer` does. */
class Silence implements Disposable {
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #follow = () => this.#controller.abort(this.#outer.reason);
  #timer: { cancel(): void } | undefined;

  constructor(clock: Clock, outer: AbortSignal) {
    this.#clock = clock;
    this.#outer = outer;
    outer.addEventListener("abort", this.#follow);
    this.begin();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  begin(): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(SILENCE_MS, () => {
      this.#controller.abort(broken(`nothing came for ${SILENCE_MS / 1_000} s`));
    });
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  [Symbol.dispose](): void {
    this.end();
    this.#outer.removeEventListener("abort", this.#follow);
  }
}

async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.after(ms, resolve);
  const stop = () => resolve();
  signal.addEventListener("abort", stop);
  await promise;
  timer.cancel();
  signal.removeEventListener("abort", stop);
}
