/** What services of our own ask of all memories, beside what clients list page by page. */
import assert from "node:assert/strict";
import { idOf } from "./fakes/store_kit.ts";
import { withApp } from "./http_app.ts";

Deno.test("all that something holds for are given in the order of their making, of one moment", () =>
  withApp(async ({ brain: { memories, listing } }) => {
    for (const n of [3, 1, 2, 4]) {
      // The order is not that of the times, which may be a client's own.
      const created_at = `2025-01-0${n}T00:00:00.000Z`;
      await memories.create({ id: idOf(n), content: `${n}`, created_at, metadata: { n } });
    }
    const always = () => true;
    await memories.replaceFields(idOf(3), { content: "three" }, always);
    const selecting = listing.select(({ metadata }) => metadata["n"] !== 2);
    await memories.delete(idOf(1), always);
    const contents = (await selecting).map(({ content }) => content);
    assert.deepEqual(contents, ["three", "1", "4"]);
    const left = (await listing.select(always)).map(({ content }) => content);
    assert.deepEqual(left, ["three", "2", "4"]);
    assert.deepEqual(memories.peek(idOf(4)).access, { access_count: 0, last_accessed_at: null });
  }));
