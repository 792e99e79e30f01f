/** A fake of an OpenAI-compatible chat server on loopback: it answers what a test puts there. */
import { z } from "zod";

const Asked = z.strictObject({
  model: z.string(),
  messages: z.array(z.strictObject({ role: z.string(), content: z.string() })),
});

export interface FakeChat {
  /** Up to and without `/chat/completions`. */
  readonly baseUrl: string;
  /** What the model says; or a whole reply of another kind. */
  answer: string | (() => Response | Promise<Response>);
  readonly asked: z.infer<typeof Asked>[];
  readonly keys: (string | null)[];
  close(): Promise<void>;
}

export function fakeChat(): FakeChat {
  const asked: FakeChat["asked"] = [], keys: FakeChat["keys"] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    if (!request.url.endsWith("/v1/chat/completions")) return new Response("", { status: 404 });
    asked.push(Asked.parse(await request.json()));
    keys.push(request.headers.get("authorization"));
    const { answer } = fake;
    if (typeof answer !== "string") return await answer();
    return Response.json({
      id: "1",
      choices: [{ message: { role: "assistant", content: answer } }],
    });
  });
  const fake: FakeChat = {
    baseUrl: `http://127.0.0.1:${server.addr.port}/v1`,
    answer: "",
    asked,
    keys,
    close: () => server.shutdown(),
  };
  return fake;
}
