/** The chat model over HTTP: what is sent, and what is made of good replies and bad ones. */
import assert from "node:assert/strict";
import { ChatModelError } from "../src/chat_model.ts";
import { openAiChatModel, type OpenAiChatOptions } from "../src/chat_model/openai.ts";
import { type FakeChat, fakeChat } from "./fakes/chat.ts";

const PROMPT = { instructions: "Count.", question: "one two" };
const KEY = "canary-key";

async function withChat(test: (chat: FakeChat) => Promise<void>): Promise<void> {
  const chat = fakeChat();
  try {
    await test(chat);
  } finally {
    await chat.close();
  }
}

function reply(chat: FakeChat, options: Partial<OpenAiChatOptions> = {}, signal?: AbortSignal) {
  const model = openAiChatModel({ baseUrl: chat.baseUrl, apiKey: KEY, model: "any", ...options });
  return model.reply(PROMPT, signal ?? new AbortController().signal);
}

async function faultOf(call: Promise<string>): Promise<string> {
  try {
    return `answered ${await call}`;
  } catch (error) {
    assert.ok(error instanceof ChatModelError, `${error}`);
    assert.ok(!error.message.includes(KEY) && !error.message.includes("127.0.0.1"), error.message);
    return `${error.fault}: ${error.message.replace("Cannot ask the chat model: ", "")}`;
  }
}

Deno.test("it is asked once, with the key where there is one, and nothing that few servers know", async () => {
  await withChat(async (chat) => {
    chat.answer = "two";
    assert.equal(await reply(chat), "two");
    assert.equal(await reply(chat, { apiKey: "", baseUrl: `${chat.baseUrl}/` }), "two");
    const messages = [
      { role: "system", content: "Count." },
      { role: "user", content: "one two" },
    ];
    const asked = { model: "any", messages };
    assert.deepEqual(chat.asked, [asked, asked]);
    assert.deepEqual(chat.keys, [`Bearer ${KEY}`, null]);
  });
});

Deno.test("each reply that is no answer is told by what can be done about it", async () => {
  const refusal = (status: number, code?: string) => () =>
    Response.json({ error: { code, message: `${KEY} is wrong` } }, { status });
  const NOT_ONE = "retry: the reply is not one of a chat model";
  const REPLIES: readonly (readonly [() => Response, string])[] = [
    [() => new Response("<html>"), NOT_ONE],
    [() => new Response(""), NOT_ONE],
    [() => Response.json({ choices: [] }), NOT_ONE],
    [() => Response.json({ choices: [{ message: { content: null } }] }), NOT_ONE],
    [() => new Response("x".repeat(2_000)), "retry: the reply is too large"],
    [
      () => Response.redirect("http://127.0.0.1:1/"),
      "config: the provider's address redirects elsewhere",
    ],
    [refusal(500), "retry: the provider answered 500"],
    [refusal(429), "retry: the provider answered 429"],
    [refusal(429, "insufficient_quota"), "config: the provider answered 429"],
    [refusal(404, "model_not_found"), "config: the provider answered 404"],
    [refusal(401), "config: the provider answered 401"],
    [refusal(400), "input: the provider answered 400"],
    [() => new Response("x", { status: 502 }), "retry: the provider answered 502"],
  ];
  await withChat(async (chat) => {
    for (const [answer, expected] of REPLIES) {
      chat.answer = answer;
      assert.equal(await faultOf(reply(chat, { maxReplyBytes: 1_000 })), expected);
    }
  });
});

Deno.test("a call never outlives its deadline, nor its caller", async () => {
  await withChat(async (chat) => {
    const held: ReadableStreamDefaultController[] = [];
    const slow = () => new Response(new ReadableStream({ start: (one) => void held.push(one) }));
    chat.answer = slow;
    assert.equal(await faultOf(reply(chat, { timeoutMs: 50 })), "retry: no reply within 50 ms");
    const caller = new AbortController();
    chat.answer = () => {
      caller.abort();
      return slow();
    };
    assert.equal(await faultOf(reply(chat, {}, caller.signal)), "retry: the call was given up");
    for (const one of held) {
      try {
        one.close();
      } catch {
        // The other end closed it already.
      }
    }
  });
  const nobody = openAiChatModel({ baseUrl: "http://127.0.0.1:1", apiKey: "", model: "any" });
  assert.equal(
    await faultOf(nobody.reply(PROMPT, new AbortController().signal)),
    "retry: the provider cannot be reached",
  );
});
