/**
 * Plays made-up calls against a service in process, one after the other, and holds every reply
 * against the document and against a Map that was told the same.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { memoryView } from "../src/http/memory_view.ts";
import { FakeEmbedder } from "./fakes/indexing.ts";
import { HttpApp, type Json, type Reply, type Setup, withApp } from "./http_app.ts";
import { documentOf } from "./http_contract.ts";
import { Model, stable } from "./http_model.ts";
import { type Call, callsTo, type Given } from "./http_traffic.ts";
import { allowsBody, allowsQuery, type Sent, sentBy, Trail } from "./http_trail.ts";
import { IDS } from "./openapi_arbitrary.ts";
import { type Api, readApi } from "./openapi_reader.ts";

const { app: { routes } } = new HttpApp();
export const api: Api = readApi(documentOf(routes));

/** How the service stands when it is asked, and which of the server's own errors are right then. */
interface Weather {
  readonly setup: Setup;
  readonly errors: readonly number[];
  /** Bodies that stop in the middle. */
  readonly stalls?: boolean;
}

const WEATHERS = {
  fair: { setup: {}, errors: [] },
  provided: { setup: {}, errors: [] },
  full: { setup: { limits: { memories: IDS.length - 1, bytes: 0 } }, errors: [507] },
  over: { setup: { limits: { memories: 0, bytes: 1_500 } }, errors: [507] },
  loading: { setup: { opened: false }, errors: [503] },
  busy: { setup: { requestsPerMinute: 12 }, errors: [] },
  narrow: { setup: { bodyBytes: 400, importBytes: 400 }, errors: [] },
  stalling: { setup: { bodyMs: 5 }, errors: [], stalls: true },
} satisfies Readonly<Record<string, Weather>>;
type WeatherName = keyof typeof WEATHERS;

export interface Sequence {
  readonly weather: WeatherName;
  readonly calls: readonly Call[];
}

const CALLS_MOST = 100;
const ROUND = 50;
/** The least that fails is worth minutes to who looks for it, not to who only counts. */
const SHRINKS = Deno.env.get("TEST_SHRINK") !== "0";

export const sequences: fc.Arbitrary<Sequence> = fc.record({
  weather: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom<WeatherName>("fair", "provided") },
    { weight: 4, arbitrary: fc.constantFrom<WeatherName>("full", "over", "busy", "narrow") },
    { weight: 1, arbitrary: fc.constantFrom<WeatherName>("loading", "stalling") },
  ),
  calls: fc.array(callsTo(api), { minLength: 1, maxLength: CALLS_MOST, size: "max" }),
});

/** What was asked and answered so far: how often each operation gave each status. */
export class Coverage {
  requests = 0;
  readonly seen = new Map<string, number>();

  count({ operationId }: Call, { status }: Reply): void {
    this.requests++;
    const name = `${operationId} ${status}`;
    this.seen.set(name, (this.seen.get(name) ?? 0) + 1);
  }

  /** What the document has and nobody saw. */
  get unseen(): string[] {
    return api.operations.flatMap(({ operationId, responses }) =>
      Object.keys(responses).map((status) => `${operationId} ${status}`)
    ).filter((name) => !this.seen.has(name)).toSorted();
  }
}

/** Asks so many requests or a few more; one that goes wrong is told with the least that leads to it,
 * and with the seed that finds it again. */
export async function fuzz(requests: number, seed: number, coverage: Coverage): Promise<void> {
  for (let round = seed; coverage.requests < requests; round++) {
    try {
      await fc.assert(
        fc.asyncProperty(
          SHRINKS ? sequences : fc.noShrink(sequences),
          (one) => play(one, coverage),
        ),
        { seed: round, numRuns: ROUND },
      );
    } catch (error) {
      throw new Error(
        `TEST_SEED=${round} FUZZ_REQUESTS=1 deno test -A tests/http_fuzz_test.ts shows it again`,
        { cause: error },
      );
    }
  }
}

/** Why what fits the document may still be refused: it hangs on what is held, or is not JSON Schema's
 * to say. */
const REFUSALS = [
  /the index holds vectors of/,
  /needs an embedding provider/,
  /the request does not ask for one; GET \/events needs none/,
  /its Idempotency-Key was used for another one/,
  /cannot go with an offset|must be a next_cursor|not one of ours|the cursor belongs to another|has expired/,
];

async function play({ weather, calls }: Sequence, coverage: Coverage): Promise<void> {
  const known: Weather = WEATHERS[weather];
  const embedder = weather === "provided" ? new FakeEmbedder() : undefined;
  await withApp(async (app) => {
    const model = new Model(new Map());
    const trail = new Trail(api);
    const keyed: { call: Call; given: Given }[] = [];
    for (const [at, made] of calls.entries()) {
      const first = made.again === null ? undefined : keyed.at(-1 - made.again);
      const call = first?.call ?? made;
      const sent = sentBy(call, first?.given ?? trail.parametersOf(call), known.stalls ?? false);
      let reply: Reply | undefined;
      try {
        reply = await app.call(sent.method, sent.path, sent.asked);
        coverage.count(call, reply);
        if (sent.asked.headers?.["Idempotency-Key"] !== undefined) {
          keyed.push({ call, given: sent.given });
        }
        trail.note(call, reply);
        requireRight(call, sent, reply, known);
        if (!model.note(call, sent, reply)) model.memories = await heldBy(app);
        if (at % 20 === 19) await requireHeld(app, model, known);
      } catch (error) {
        throw new Error(`${JSON.stringify(sent)} answered ${reply?.status} ${reply?.text}`, {
          cause: error,
        });
      }
    }
    await requireHeld(app, model, known);
  }, { ...known.setup, ...(embedder && { embedder }) });
}

function requireRight(call: Call, sent: Sent, reply: Reply, { errors }: Weather): void {
  const { status, body } = reply;
  assert.ok(status < 500 || errors.includes(status), "an error of the server's own");
  if (status < 300 && call.operationId !== "importMemories") {
    assert.notEqual(allowsBody(api, call), false, "a body was taken that the document forbids");
    assert.ok(allowsQuery(api, call, sent.given), "a query was taken that the document forbids");
  }
  if (!call.fits || ![400, 415, 422].includes(status)) return;
  const reasons: string[] = body.errors?.map(({ message }: Json) => message) ?? [body.detail];
  const isKnown = (reason: string) => REFUSALS.some((known) => known.test(reason));
  assert.deepEqual(reasons.filter((reason) => !isKnown(reason)), [], "what fits was refused");
}

/** Past the door and the rate. */
async function heldBy({ brain }: HttpApp): Promise<Map<string, Json>> {
  const { entries } = await brain.listing.list({ limit: 1_000_000, filter: {} });
  return new Map(entries.map((entry) => [entry.memory.id, stable(memoryView(entry))]));
}

async function requireHeld(app: HttpApp, model: Model, { setup }: Weather): Promise<void> {
  if (setup.opened === false) return;
  assert.deepEqual(await heldBy(app), model.memories);
}
