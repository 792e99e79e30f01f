/**
 * Uses every library and platform part that the service rests on, once, and prints what went
 * wrong: bundled and run by `build_test.ts` under the permissions that the binary gets.
 * Arguments: a writable folder, and the address of a server that answers as OpenAI and Qdrant do.
 */
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { z } from "zod";

const [folder = "", baseURL = ""] = Deno.args;

async function http(): Promise<void> {
  const app = new Hono().get("/:id", (c) => c.json({ id: c.req.param("id") }));
  const port = await new Promise<number>((resolve) => {
    server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, (at) => resolve(at.port));
  });
  const response = await fetch(`http://127.0.0.1:${port}/7`);
  const reply = z.strictObject({ id: z.string().regex(/^\d$/) }).parse(await response.json());
  server?.close();
  if (reply.id !== "7") throw new Error("wrong reply");
}
let server: ReturnType<typeof serve> | undefined;

async function embeddings(): Promise<void> {
  const { OpenAI } = await import("openai");
  const client = new OpenAI({ apiKey: "key", baseURL, maxRetries: 0, timeout: 5000 });
  const reply = await client.embeddings.create({ model: "m", input: ["a"] });
  if (reply.data.length !== 1) throw new Error("wrong reply");
}

async function vectors(): Promise<void> {
  const { QdrantClient } = await import("@qdrant/js-client-rest");
  const { hostname, port } = new URL(baseURL);
  const client = new QdrantClient({
    url: `http://${hostname}`,
    port: Number(port),
    timeout: Infinity,
    checkCompatibility: false,
  });
  const { data } = await client.api().countPoints({ collection_name: "c", exact: true });
  if (data.result?.count !== 1) throw new Error("wrong reply");
}

function database(): void {
  const db = new DatabaseSync(join(folder, "embeddings.db"));
  db.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a BLOB); INSERT INTO t VALUES (x'00')");
  db.close();
}

async function files(): Promise<void> {
  const path = join(folder, "a");
  const file = await open(path, "w");
  await file.write("text");
  await file.sync();
  await file.close();
  await rename(path, join(folder, "b"));
  const directory = await Deno.open(folder);
  await directory.sync();
  directory.close();
  using lock = await Deno.open(join(folder, "lock"), { create: true, write: true });
  if (!await lock.tryLock(true)) throw new Error("not locked");
  await Deno.link(join(folder, "b"), join(folder, "c"));
  if ((await Deno.lstat(join(folder, "c"))).uid !== Deno.uid()) throw new Error("another's file");
}

const failed: Record<string, string> = {};
for (const part of [http, embeddings, vectors, database, files]) {
  try {
    await part();
  } catch (error) {
    failed[part.name] = String(error);
  }
}
console.log(JSON.stringify({ failed, memory: Deno.memoryUsage().rss > 0 }));
