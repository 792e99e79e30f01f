/** mem0's searches by filters that ours has no like for: what passes is found, however far down. */
import assert from "node:assert/strict";
import { idOf } from "./fakes/store_kit.ts";
import type { HttpApp, Json } from "./http_app.ts";
import { told, withMem0 } from "./mem0_kit.ts";

/** More than any window that a search looks at. */
const MEMORIES = 10_500;
const LAST = MEMORIES - 3;

async function imported(app: HttpApp, metadataOf: (n: number) => Json): Promise<void> {
  const lines = Array.from(
    { length: MEMORIES },
    (_, n) => JSON.stringify({ id: idOf(n), content: "A fence post.", metadata: metadataOf(n) }),
  );
  await app.done(200, "POST", "/import", { body: lines.join("\n"), type: "application/x-ndjson" });
}

Deno.test("what passes is found behind thousands that are as near", async () => {
  await withMem0(async (app) => {
    const user_id = "ada";
    await imported(app, (n) => n < LAST ? { n, user_id } : { n, user_id: "bob" });
    const found = async (filters: Json) => {
      const asked = { query: "fence post", filters };
      const { results } = await told(200, app, "POST", "/v3/memories/search/", asked);
      return results.map(({ id }: Json) => id).toSorted();
    };
    const bobs = [LAST, LAST + 1, LAST + 2].map(idOf);
    assert.deepEqual(await found({ user_id: { in: ["bob", "cleo"] } }), bobs);
    assert.deepEqual(await found({ NOT: { user_id } }), bobs);
    assert.deepEqual(await found({ OR: [{ metadata: { n: LAST } }] }), [idOf(LAST)]);
    const all = { AND: [{ user_id }, { metadata: { n: { gt: LAST - 3 } } }] };
    assert.deepEqual(await found(all), [LAST - 2, LAST - 1].map(idOf));
    assert.deepEqual(await found({ OR: [] }), []);
  });
});
