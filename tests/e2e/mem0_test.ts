/** mem0's routes in the program as it is run: with a chat model, and not there unless asked for. */
import assert from "node:assert/strict";
import { fakeChat } from "../fakes/chat.ts";
import { KEY, Place } from "./program.ts";

const TOKEN = { Authorization: `Token ${KEY}` };
const SAID = { messages: [{ role: "user", content: "I had tea, as ever." }], user_id: "ada" };

Deno.test("mem0's routes are there where they are asked for, and make memories that stay", async () => {
  const chat = fakeChat();
  chat.answer = '{"memories": [{"text": "Ada likes tea."}]}';
  const env = { COMPAT: "mem0", OPENAI_BASE_URL: chat.baseUrl, CHAT_MODEL: "any" };
  try {
    await using place = new Place();
    const first = await place.serve(env);
    const added = await first.want(200, "POST", "/v3/memories/add/", SAID, TOKEN);
    assert.equal(added.at("results", 0, "memory"), "Ada likes tea.");
    assert.deepEqual(chat.asked.map(({ model }) => model), ["any"]);
    const kept = { ...SAID, infer: false };
    const verbatim = await first.want(200, "POST", "/v1/memories/", kept, TOKEN);
    assert.equal(verbatim.at(0, "memory"), "I had tea, as ever.");
    await first.crash();

    const second = await place.serve({});
    const found = await second.want(200, "POST", "/search", { query: "who likes tea" });
    assert.equal(found.at("results", 0, "memory", "content"), "Ada likes tea.");
    assert.equal((await second.want(200, "GET", "/memories")).at("total"), 2);
    await second.want(404, "GET", "/v1/ping/");
    await second.stop();
  } finally {
    await chat.close();
  }
});
