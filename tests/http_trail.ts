/**
 * From a made-up call to a request: what earlier replies gave to go on with is put in, and it is
 * known whether the document allows what then goes out.
 */
import type { Asked, Json, Reply } from "./http_app.ts";
import type { Call, Given } from "./http_traffic.ts";
import { isValid, type Schema } from "./json_schema.ts";
import type { Api } from "./openapi_reader.ts";

/** What replies gave to go on with: for an operation, the values of parameters that belong together. */
export class Trail {
  readonly #api: Api;
  readonly #found = new Map<string, Given[]>();

  constructor(api: Api) {
    this.#api = api;
  }

  /** Where a call follows the trail, it is sent with what was found last. */
  parametersOf({ operationId, given, follow }: Call): Given {
    const found = this.#found.get(operationId) ?? [];
    const last = follow === null ? undefined : found[found.length - 1 - follow] ?? found.at(-1);
    if (last === undefined) return given;
    const taken = new Set(last.map(({ at }) => at));
    return [...given.filter(({ at }) => !taken.has(at)), ...last];
  }

  note({ operationId }: Call, reply: Reply): void {
    const operation = this.#api.operations.find((one) => one.operationId === operationId);
    const links = operation?.responses[reply.status]?.links ?? {};
    for (const { operationId: next, parameters } of Object.values(links)) {
      const values = Object.entries(parameters).map(([at, from]) => ({
        at,
        text: taken(reply, from),
      }));
      const given = values.flatMap(({ at, text }) => text === undefined ? [] : [{ at, text }]);
      if (given.length < values.length) continue;
      const found = this.#found.get(next) ?? [];
      this.#found.set(next, [...found.slice(-7), given]);
    }
  }
}

/** The value of a runtime expression (OpenAPI 3.1, 4.8.20.4); undefined where the reply has none. */
function taken(reply: Reply, expression: string): string | undefined {
  const [, header, pointer] = /^\$response\.(?:header\.([\w-]+)|body#(\/.*))$/.exec(expression) ??
    [];
  if (header !== undefined) return reply.headers.get(header) ?? undefined;
  if (pointer === undefined) throw new Error(`Cannot follow a link: "${expression}" is not known`);
  const value = pointer.slice(1).split("/").reduce<Json>((at, key) => at?.[key], reply.body);
  return typeof value === "string" ? value : undefined;
}

export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly asked: Asked;
  readonly given: Given;
}

/** The request as it goes out; one whose body stalls never gets to its end. */
export function sentBy(call: Call, given: Given, stalls: boolean): Sent {
  const query = new URLSearchParams();
  const headers = new Map<string, string>(Object.entries(call.headers));
  let { path } = call;
  for (const { at, text } of given) {
    const name = at.slice(at.indexOf(".") + 1);
    if (at.startsWith("path.")) path = path.replace(`{${name}}`, encodeURIComponent(text) || "%20");
    else if (at.startsWith("query.")) query.append(name, text);
    // What cannot be in a header does not get so far.
    else headers.set(name, text.replaceAll(/[^\x20-\x7e\xa0-\xff]/g, "?"));
  }
  const body = call.body === null ? {} : {
    type: call.body.type,
    body: stalls ? stalled(call.body.text) : call.body.text,
  };
  return {
    method: call.method,
    path: query.size === 0 ? path : `${path}?${query}`,
    asked: {
      ...(call.key !== "right" && { key: call.key === "none" ? null : "wrong" }),
      headers: Object.fromEntries(headers),
      ...body,
    },
    given,
  };
}

function stalled(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (stream) => stream.enqueue(new TextEncoder().encode(text.slice(0, 5))),
  });
}

/** Whether the document allows what was sent as the body; undefined where it says nothing of it. */
export function allowsBody({ operations, named }: Api, call: Call): boolean | undefined {
  const operation = operations.find(({ operationId }) => operationId === call.operationId);
  const { body } = call;
  if (body?.json === undefined || operation?.requestBody === undefined) return undefined;
  const schema = operation.requestBody.content[body.type]?.schema;
  return schema === undefined ? undefined : isValid(schema, body.json, named);
}

/** Whether the document allows each parameter of the query that was given. */
export function allowsQuery({ operations, named }: Api, call: Call, given: Given): boolean {
  const operation = operations.find(({ operationId }) => operationId === call.operationId);
  return (operation?.parameters ?? []).filter((one) => one.in === "query").every((parameter) => {
    const sent = given.filter(({ at }) => at === `query.${parameter.name}`).map(({ text }) => text);
    return sent.length === 0 || isValid(parameter.schema, meant(parameter.schema, sent), named);
  });
}

/** In a query everything is text: what the schema takes it for. */
function meant({ type }: Schema, sent: readonly string[]): Json {
  if (type === "array") return sent;
  const [text = ""] = sent;
  if (type === "number" || type === "integer") return text === "" ? text : Number(text);
  return type === "boolean" ? text === "true" || (text === "false" ? false : text) : text;
}
