/** What the service says of a vector store that is well or away, and `POST /admin/reindex`. */
import assert from "node:assert/strict";
import { EmbedderError } from "../src/embedder.ts";
import { VectorIndexUnavailable, type VectorsElsewhere } from "../src/vector_index.ts";
import { FloatScan } from "./fakes/float_scan.ts";
import { FakeEmbedder } from "./fakes/indexing.ts";
import { type HttpApp, idsIn, indexed, problemOf, put, search, withApp } from "./http_app.ts";

const DETAIL = "Cannot reach Qdrant: the connection is refused";

/** An index whose vectors a service of its own keeps, which may be away. */
class FarStore extends FloatScan {
  away = false;
  /** It is not even known what the service keeps: nothing is searched for there. */
  isUnknown = false;
  comparisons = 0;
  compare: () => Promise<void> = () => Promise.resolve();

  override get size(): number {
    return this.isUnknown ? 0 : super.size;
  }

  readonly elsewhere: VectorsElsewhere = {
    status: this.#status(),
    ids: () => [],
    adopt: () => Promise.resolve(new Set()),
    refresh: () => Promise.resolve(),
    converge: () => {
      this.comparisons++;
      return this.away ? Promise.reject(new VectorIndexUnavailable("away")) : this.compare();
    },
    whenLost: () => {},
    whenFound: () => {},
    close: () => Promise.resolve(),
  };

  #status(): VectorsElsewhere["status"] {
    const isAway = () => this.away;
    return {
      get state() {
        return isAway() ? "unavailable" : "ok";
      },
      get detail() {
        return isAway() ? DETAIL : null;
      },
      get pending() {
        return isAway() ? 2 : 0;
      },
    };
  }
}

/** One whose answers are waited for. */
class SlowStore extends FarStore {
  mostAtOnce = 0;
  #atOnce = 0;

  override async search(query: Parameters<FloatScan["search"]>[0]) {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce);
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#atOnce--;
    if (this.away) throw new VectorIndexUnavailable("away");
    return await super.search(query);
  }
}

const WELL = { kind: "memory", status: "ok", pending: 0, detail: null };
const AWAY = { kind: "memory", status: "unavailable", pending: 2, detail: DETAIL };

async function withStore(
  test: (app: HttpApp, store: FarStore, embedder: FakeEmbedder) => Promise<void>,
): Promise<void> {
  const vectorIndex = new FarStore(), embedder = new FakeEmbedder();
  await withApp((app) => test(app, vectorIndex, embedder), { vectorIndex, embedder });
}

Deno.test("a vector store that is away shows in the stats, the health and the metrics, and harms no readiness", () =>
  withStore(async (app, store) => {
    for (const away of [false, true, false]) {
      store.away = away;
      const stats = await app.done(200, "GET", "/stats");
      assert.deepEqual(stats.vector_store, away ? AWAY : WELL);
      const { status, checks } = await app.done(200, "GET", "/health", { key: null });
      assert.deepEqual(
        [status, checks.vector_store, checks.embeddings],
        away ? ["degraded", "unavailable", "ok"] : ["ok", "ok", "ok"],
      );
      await app.done(200, "GET", "/health/ready", { key: null });
      const { text } = await app.call("GET", "/metrics");
      assert.match(text, away ? /^second_brain_vector_store_up 0$/m : /^\S+_vector_store_up 1$/m);
      assert.match(text, away ? /^\S+_vector_store_pending 2$/m : /^\S+_vector_store_pending 0$/m);
    }
  }));

Deno.test("while it is not known what the store keeps, every reply that lacks the meanings says so", () =>
  withStore(async (app, store) => {
    store.away = store.isUnknown = true;
    assert.equal((await search(app, { query: "fence" })).degraded, null, "there is nothing");
    const id = await put(app, { content: "fence" });
    await indexed(app);
    const unreached = { mode: "keyword", degraded: "vector_store_unavailable" };
    const told = ({ mode, degraded }: { mode: string; degraded: string }) => ({ mode, degraded });
    assert.deepEqual(told(await search(app, { query: "fence" })), unreached);
    const related = await app.done(200, "GET", `/memories/${id}/related`);
    assert.deepEqual(told(related), unreached);
    const { degraded, is_complete } = await app.done(200, "GET", "/duplicates");
    assert.deepEqual([degraded, is_complete], ["vector_store_unavailable", false]);
    const context = await app.done(200, "POST", "/context", {
      json: { query: "fence", max_tokens: 100 },
    });
    assert.deepEqual(told(context), unreached);
  }));

Deno.test("reindexing takes up what was given up, compares, and says how it stands", () =>
  withStore(async (app, store, embedder) => {
    embedder.plan = (texts) =>
      texts.includes("odd") ? new EmbedderError("input", "Cannot embed: refused") : undefined;
    for (const content of ["fence", "odd"]) await put(app, { content });
    await indexed(app);
    embedder.plan = () => undefined;
    const first = await app.done(200, "POST", "/admin/reindex");
    assert.deepEqual(first, { indexed: 1, pending: 1, failed: 0, vector_store: WELL });
    await indexed(app);
    const second = await app.done(200, "POST", "/admin/reindex");
    assert.deepEqual(second, { indexed: 2, pending: 0, failed: 0, vector_store: WELL });
    assert.equal(store.comparisons, 2);

    store.away = true;
    const reply = await app.call("POST", "/admin/reindex");
    const detail = "Cannot compare the vector store with the memories: it is out of reach. It is " +
      "tried again by itself, and compared then; /stats says why";
    assert.deepEqual(reply.body, problemOf("not_ready", 503, detail));
    assert.equal(reply.headers.get("retry-after"), "30");
    await app.done(401, "POST", "/admin/reindex", { key: null });
  }));

Deno.test("a comparison that takes longer than half a minute goes on, and is not begun twice", () =>
  withStore(async (app, store) => {
    const compared = Promise.withResolvers<void>();
    store.compare = () => compared.promise;
    const [first, second] = [1, 2].map(() => app.call("POST", "/admin/reindex"));
    await app.clock.advance(29_999);
    const early = await Promise.race([first, Promise.resolve("none yet")]);
    assert.equal(early, "none yet");
    await app.clock.advance(1);
    const nothing = { indexed: 0, pending: 0, failed: 0, vector_store: WELL };
    for (const reply of [await first, await second]) {
      assert.deepEqual([reply?.status, reply?.body], [202, nothing]);
    }
    compared.resolve();
    await app.clock.advance(0);
    assert.equal(store.comparisons, 1);
    assert.deepEqual(await app.done(200, "POST", "/admin/reindex"), nothing);
    assert.equal(store.comparisons, 2);
  }));

Deno.test("several questions are asked of the store at once, and fail as one", async () => {
  const vectorIndex = new SlowStore();
  await withApp(async (app) => {
    for (const content of ["fence", "gate", "hedge"]) await put(app, { content });
    await indexed(app);
    const json = { queries: ["fence", "gate", "hedge"] };
    const well = await search(app, json);
    assert.deepEqual([well.mode, well.degraded, well.total], ["hybrid", null, 3]);
    assert.equal(vectorIndex.mostAtOnce, 3);
    vectorIndex.away = true;
    const away = await search(app, json);
    assert.deepEqual([away.mode, away.degraded], ["keyword", "vector_store_unavailable"]);
  }, { vectorIndex, embedder: new FakeEmbedder() });
});

Deno.test("what narrows a search goes to the store as data, too", async () => {
  const vectorIndex = new FarStore(), embedder = new FakeEmbedder();
  await withApp(async (app) => {
    const json = { content: "fence", embedding: [1, 2, 3, 4] };
    const id = await put(app, { ...json, tags: ["a"] });
    const other = await put(app, { ...json, content: "gate" });
    await indexed(app);
    const asked: object[] = [];
    const { search: searchNow } = vectorIndex;
    vectorIndex.search = (query) => {
      asked.push({ filter: query.filter, except: query.except });
      return searchNow.call(vectorIndex, query);
    };
    const narrowed = await search(app, { query: "fence", filters: { tags: ["a"] } });
    assert.deepEqual(idsIn(narrowed), [id]);
    assert.deepEqual(idsIn(await app.done(200, "GET", `/memories/${id}/related`)), [other]);
    assert.deepEqual(asked, [
      { filter: { tags: ["a"] }, except: undefined },
      { filter: {}, except: id },
    ]);
  }, { vectorIndex, embedder });
});
