/**
 * What is wrong with a reply by the OpenAPI document and by what holds for all replies; nothing,
 * where it is right. The document's own schemas are used, so that it is them that are tested.
 */
import { z } from "zod";
import { openApiDocument } from "../src/http/openapi.ts";
import type { Route } from "../src/http/route.ts";

interface Seen {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: unknown;
}

interface ReplyDoc {
  readonly headers?: Readonly<Record<string, { readonly required: boolean }>>;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

interface Operation {
  readonly responses: Readonly<Record<string, ReplyDoc>>;
}

export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

let made: Document | undefined;

/** The same for every app: made once. */
export function documentOf(routes: readonly Route[]): Document {
  return made ??= JSON.parse(JSON.stringify(openApiDocument(routes, "0.0.0-test")));
}

export function replyFaults(
  routes: readonly Route[],
  method: string,
  url: string,
  reply: Seen,
  document: Document = documentOf(routes),
): string[] {
  const { pathname } = new URL(url);
  const faults = commonFaults(reply);
  const path = Object.keys(document.paths).find((known) => matches(known, pathname));
  const verb = method === "HEAD" ? "get" : method.toLowerCase();
  const operation = path === undefined ? undefined : document.paths[path]?.[verb];
  if (operation === undefined) {
    const expected = [401, 403, 421, 429, path === undefined ? 404 : 405];
    if (!expected.includes(reply.status)) faults.push(`${reply.status} of what is no route`);
    return [...faults, ...problemFaults(document, reply)];
  }
  const doc = operation.responses[reply.status];
  if (doc === undefined) return [...faults, `undocumented: ${method} ${path} ${reply.status}`];
  faults.push(...headerFaults(doc, reply));
  if (reply.status >= 400 && path?.startsWith("/health") !== true) {
    faults.push(...problemFaults(document, reply));
  }
  return method === "HEAD" ? faults : [...faults, ...contentFaults(document, doc, reply)];
}

/** Headers that are said for every reply that has them; the rest hold for all replies alike. */
const SAID = [
  "Allow",
  "Content-Disposition",
  "ETag",
  "Location",
  "Retry-After",
  "WWW-Authenticate",
  "X-Total-Count",
];

function headerFaults({ headers: docs = {} }: ReplyDoc, { headers }: Seen): string[] {
  const missing = Object.entries(docs)
    .filter(([name, { required }]) => required && !headers.has(name))
    .map(([name]) => `no header ${name}`);
  const unsaid = SAID.filter((name) => headers.has(name) && !(name in docs));
  return [...missing, ...unsaid.map((name) => `undocumented header ${name}`)];
}

function matches(path: string, pathname: string): boolean {
  const pattern = path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+");
  return new RegExp(`^${pattern}/?$`).test(pathname);
}

/** All that a reply may have; nothing of what a client sent can make another. */
const HEADERS =
  /^(access-control-(allow-(headers|methods|origin)|expose-headers|max-age)|allow|cache-control|connection|content-(disposition|length|security-policy|type)|etag|location|retry-after|vary|www-authenticate|x-accel-buffering|x-content-type-options|x-request-id|x-total-count)$/;

function commonFaults({ headers, status }: Seen): string[] {
  const wanted: [string, RegExp][] = [
    ["X-Request-ID", /^[A-Za-z0-9._:-]{1,128}$/],
    ["X-Content-Type-Options", /^nosniff$/],
    ["Cache-Control", /^no-store$/],
    ["Content-Security-Policy", /^default-src 'none'.*frame-ancestors 'none'/],
  ];
  if (status === 401) wanted.push(["WWW-Authenticate", /^Bearer$/]);
  if (status === 405) wanted.push(["Allow", /^[A-Z]+(, [A-Z]+)*$/]);
  if (status === 429) wanted.push(["Retry-After", /^[1-9]\d*$/]);
  const strange = [...headers].filter(([name, value]) =>
    !HEADERS.test(name) || !/^[\x20-\x7e]{1,500}$/.test(value)
  );
  return wanted.filter(([name, form]) => !form.test(headers.get(name) ?? ""))
    .map(([name]) => `${name}: ${headers.get(name)}`)
    .concat(strange.map(([name, value]) => `a header that none should have: ${name}: ${value}`));
}

function problemFaults(document: Document, { status, headers, body, text }: Seen): string[] {
  if (status < 400 || text === "") return [];
  const faults: string[] = [];
  if (headers.get("content-type") !== "application/problem+json") faults.push("not a problem");
  faults.push(...schemaFaults(document, { $ref: "#/components/schemas/Problem" }, body));
  if ((body as { status?: unknown } | undefined)?.status !== status) faults.push("another status");
  // What gives away the inside: a place in a file, a path, a name of a class.
  if (/\bat .*:\d+:\d+|file:\/\/|\/data\b|AppError|ZodError|TypeError/.test(text)) {
    faults.push(`tells too much: ${text.slice(0, 200)}`);
  }
  return faults;
}

function contentFaults(document: Document, doc: ReplyDoc, { headers, body, text }: Seen): string[] {
  const type = headers.get("content-type")?.split(";")[0];
  if (doc.content === undefined) return text === "" && type === undefined ? [] : ["has a body"];
  const media = type === undefined ? undefined : doc.content[type];
  if (media === undefined) return [`undocumented type ${type}`];
  return schemaFaults(document, media.schema, /json$/.test(type ?? "") ? body ?? text : text);
}

const checks = new Map<string, z.ZodType>();

export function schemaFaults(document: Document, schema: object, value: unknown): string[] {
  const text = JSON.stringify(schema);
  const check = checks.get(text) ?? checkOf(document, schema);
  checks.set(text, check);
  const parsed = check.safeParse(value);
  return parsed.success
    ? []
    : parsed.error.issues.map(({ path, message }) => `${path.map(String).join("/")}: ${message}`);
}

function checkOf(document: Document, schema: object): z.ZodType {
  const whole = { ...schema, $defs: document.components.schemas };
  const local = JSON.stringify(whole).replaceAll('"#/components/schemas/', '"#/$defs/');
  return z.fromJSONSchema(JSON.parse(local));
}
