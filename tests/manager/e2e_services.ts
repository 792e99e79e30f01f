/**
 * What a cluster's Services do for a test that has none: whoever asks `http://brain.NAMESPACE.svc:8000`
 * through this HTTP proxy reaches the brain of that namespace while its pod is ready, and nobody
 * else. The request comes as it was sent, its `Host` too. The manager is led here by HTTP_PROXY,
 * which its runtime follows by itself: nothing in the program knows of it.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Agent } from "../kubernetes/agent.ts";

export interface Services extends AsyncDisposable {
  /** Of the proxy. */
  readonly url: string;
  /** For `fetch`, through the proxy. */
  readonly client: Deno.HttpClient;
}

export async function startServices(agent: Pick<Agent, "addressOf">): Promise<Services> {
  const server = createServer((asked, reply) => pass(agent, asked, reply));
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The proxy has no port");
  const url = `http://127.0.0.1:${address.port}`;
  const client = Deno.createHttpClient({ proxy: { url } });
  return {
    url,
    client,
    [Symbol.asyncDispose]: async () => {
      client.close();
      const ended = Promise.withResolvers<void>();
      server.close(() => ended.resolve());
      server.closeAllConnections();
      await ended.promise;
    },
  };
}

function pass(
  agent: Pick<Agent, "addressOf">,
  asked: IncomingMessage,
  reply: ServerResponse,
): void {
  const { host, pathname, search } = new URL(asked.url ?? "");
  const namespace = /^brain\.([a-z0-9-]+)\.svc:8000$/.exec(host)?.[1];
  const address = namespace === undefined ? undefined : agent.addressOf(namespace);
  // As where nobody listens: the connection is over without a reply.
  const giveUp = () => void asked.socket.destroy();
  if (address === undefined) return giveUp();
  const { method, headers } = asked;
  const options = { method: method ?? "GET", headers, agent: false };
  const passed = request(`${address}${pathname}${search}`, options, (got) => {
    reply.writeHead(got.statusCode ?? 502, got.headers);
    got.on("error", giveUp);
    got.pipe(reply);
  });
  passed.on("error", giveUp);
  asked.pipe(passed);
}
