/** The reference set of an app's brain, called as its server calls it. */
import assert from "node:assert/strict";
import { callTool } from "../src/mcp/calls.ts";
import { referenceTools } from "../src/mcp/reference.ts";
import type { Call } from "./graph_model.ts";
import type { HttpApp, Json } from "./http_app.ts";

export type Box = Parameters<typeof callTool>[0];

export function boxOf({ brain, clock }: HttpApp, scope: Box["scope"] = "write"): Box {
  return { tools: referenceTools(brain), scope, clock, log: () => {} };
}

/** As a client is answered, over the wire. */
export async function answerOf(box: Box, call: Call): Promise<Json> {
  const result = await callTool(box, { ...call }, new AbortController().signal);
  return JSON.parse(JSON.stringify(result));
}

/** What a call gives that goes well, as data. */
export async function dataOf(box: Box, name: string, args: Json): Promise<Json> {
  const answer = await answerOf(box, { name, arguments: args });
  assert.equal(answer.isError, undefined, answer.content[0].text);
  return answer.structuredContent;
}

/** What is said of a call that is refused. */
export async function errorOf(box: Box, name: string, args: Json): Promise<string> {
  const { content, ...rest } = await answerOf(box, { name, arguments: args });
  assert.deepEqual(rest, { isError: true });
  return content[0].text;
}
