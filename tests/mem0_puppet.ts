/**
 * A program of its own that has mem0's npm client do what it is told: a line of JSON is a call, and
 * a line its answer or its error. `deno run … mem0_puppet.ts npm:mem0ai@VERSION ADDRESS KEY`; the
 * package is named from outside, so that it is none of ours.
 */
import { createInterface } from "node:readline";
import process from "node:process";

const [specifier = "", host, apiKey] = Deno.args;
const { MemoryClient } = await import(specifier);
const client = new MemoryClient({ host, apiKey });

for await (const line of createInterface({ input: process.stdin })) {
  const { method, args } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ value: await client[method](...args) ?? null }));
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    console.log(JSON.stringify({ error: { name, message } }));
  }
}
