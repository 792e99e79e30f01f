/** What a request for a WebSocket is answered, before there is one. */
import assert from "node:assert/strict";
import { KEY, problemOf, withApp } from "./http_app.ts";

Deno.test("what cannot become a WebSocket is refused as any request is, with the version that is spoken", async () => {
  await withApp(async ({ app, logged }) => {
    const good = {
      "X-API-Key": KEY,
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    };
    const answer = (headers: Record<string, string>) =>
      app.upgrade.answer(new Request("http://brain/ws", { headers }));
    const table: readonly (readonly [Record<string, string>, string])[] = [
      [{ "Sec-WebSocket-Version": "8" }, '"Sec-WebSocket-Version" must be 13'],
      [{ "Sec-WebSocket-Version": "" }, '"Sec-WebSocket-Version" must be 13'],
      [{ "Sec-WebSocket-Key": "short" }, '"Sec-WebSocket-Key" must be 16 bytes in base64'],
    ];
    for (const [bad, detail] of table) {
      const reply = await answer({ ...good, ...bad });
      assert.ok(reply instanceof Response, detail);
      assert.equal(reply.headers.get("sec-websocket-version"), "13");
      const expected = problemOf("malformed", 400, `Cannot open the WebSocket: ${detail}`);
      assert.deepEqual(await reply.json(), expected);
    }
    assert.ok("talk" in await answer(good));
    const statuses = logged.map((line) => JSON.parse(line).status).filter((one) =>
      one !== undefined
    );
    assert.deepEqual(statuses, [400, 400, 400, 101]);
  });
});
