/**
 * Requests held against Qdrant's own OpenAPI document: path, method, parameters and body. What the
 * document does not speak of is not allowed, also where it would let anything pass.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import { z } from "zod";

const DOCUMENT = new URL("../../../../shared/qdrant/openapi.json", import.meta.url);

const Parameter = z.object({
  name: z.string(),
  in: z.string(),
  required: z.boolean().optional(),
  schema: z.unknown(),
});
const Operation = z.object({
  parameters: z.array(Parameter).default([]),
  requestBody: z.object({
    content: z.object({ "application/json": z.object({ schema: z.unknown() }) }),
  }).optional().catch(undefined),
});
const Document = z.object({
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
});

type Document = z.infer<typeof Document>;

export interface CheckedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly contentType: string | undefined;
  /** Undefined where none was sent. */
  readonly body: unknown;
}

/** Undefined where the document is not there. */
export function openApiCheck(): OpenApiCheck | undefined {
  loaded ??= load();
  return loaded.check;
}

let loaded: { readonly check: OpenApiCheck | undefined } | undefined;

function load(): { check: OpenApiCheck | undefined } {
  try {
    const text = Deno.readTextFileSync(DOCUMENT);
    return { check: new OpenApiCheck(Document.parse(JSON.parse(text))) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { check: undefined };
    throw error;
  }
}

export class OpenApiCheck {
  readonly #document: Document;
  readonly #bodies: Ajv;
  /** Parameters come as text, and are read as what they should be. */
  readonly #parameters: Ajv;
  readonly #compiled = new Map<string, ValidateFunction>();

  constructor(document: Document) {
    this.#document = document;
    this.#bodies = newAjv(document, false);
    this.#parameters = newAjv(document, true);
  }

  /** What is wrong with a request, in words; empty where it is allowed. */
  violations(request: CheckedRequest): string[] {
    const { method, path, query, body, contentType } = request;
    const what = `${method} ${path}`;
    const found = this.#operation(method, path);
    if (found === undefined) return [`${what}: there is no such operation`];
    const { operation, template } = found;
    const wrong = this.#checkQuery(operation, `${method} ${template}`, query);
    const schema = operation.requestBody?.content["application/json"].schema;
    if (schema === undefined) {
      if (body !== undefined) wrong.push("a body where none belongs");
    } else if (body === undefined) wrong.push("no body");
    else {
      if (!/^application\/json\b/.test(contentType ?? "")) {
        wrong.push(`content type ${contentType}`);
      }
      const validate = this.#validator(`${method} ${template} body`, this.#bodies, schema);
      if (!validate(body)) wrong.push(`body${textOf(validate.errors)}`);
    }
    return wrong.map((text) => `${what}: ${text}`);
  }

  #checkQuery(operation: z.infer<typeof Operation>, key: string, query: URLSearchParams): string[] {
    const parameters = operation.parameters.filter((parameter) => parameter.in === "query");
    const properties = Object.fromEntries(parameters.map(({ name, schema }) => [name, schema]));
    const required = parameters.filter((one) => one.required === true).map(({ name }) => name);
    const schema = { type: "object", properties, required };
    const validate = this.#validator(`${key} query`, this.#parameters, schema);
    const wrong = validate(Object.fromEntries(query)) ? [] : [`query${textOf(validate.errors)}`];
    const names = [...query.keys()];
    if (new Set(names).size < names.length) wrong.push("a query parameter twice");
    return wrong;
  }

  #validator(key: string, ajv: Ajv, schema: unknown): ValidateFunction {
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const made = ajv.compile(toJsonSchema(schema));
    this.#compiled.set(key, made);
    return made;
  }

  /** Of several templates that fit, the one with the fewest names in it. */
  #operation(method: string, path: string) {
    const [best] = Object.keys(this.#document.paths)
      .filter((template) => fits(template, path))
      .sort((a, b) => a.split("{").length - b.split("{").length);
    const operation = this.#document.paths[best ?? ""]?.[method.toLowerCase()];
    return operation && best !== undefined ? { operation, template: best } : undefined;
  }
}

function fits(template: string, path: string): boolean {
  const [parts, given] = [template.split("/"), path.split("/")];
  return parts.length === given.length &&
    parts.every((part, at) => part.startsWith("{") ? given[at] !== "" : part === given[at]);
}

function newAjv(document: Document, coerceTypes: boolean): Ajv {
  const ajv = new Ajv({ coerceTypes, strict: true, strictTypes: false, strictRequired: false });
  addFormats.default(ajv);
  for (const format of ["uint", "uint8", "uint32", "uint64"]) {
    ajv.addFormat(format, { type: "number", validate: (x) => Number.isInteger(x) && x >= 0 });
  }
  ajv.addFormat("partial-date-time", true);
  ajv.addVocabulary(["example"]);
  ajv.addSchema({ $id: "doc:", $defs: toJsonSchema(document.components.schemas, true) });
  return ajv;
}

/** OpenAPI 3.0 as JSON Schema, and closed: an object has no properties but those it names. */
function toJsonSchema(value: unknown, isNames = false): Record<string, unknown> {
  const schema = converted(value, isNames);
  return typeof schema === "object" && schema !== null ? { ...schema } : {};
}

function converted(value: unknown, isNames: boolean): unknown {
  if (Array.isArray(value)) return value.map((one) => converted(one, false));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => isNames || key !== "example").map((
    [key, inner],
  ) => [key, key === "$ref" ? pointer(inner) : converted(inner, !isNames && key === "properties")]);
  const schema = Object.fromEntries(entries);
  if (isNames) return schema;
  // Standing alone it would let everything pass.
  if (schema.nullable === true && schema.type === undefined) return { type: "null" };
  if (schema.properties !== undefined) schema.additionalProperties ??= false;
  return schema;
}

function pointer(reference: unknown): string {
  return String(reference).replace("#/components/schemas/", "doc:#/$defs/");
}

/** The complaint that is about the innermost part is most often what is meant. */
function textOf(errors: readonly ErrorObject[] | null | undefined): string {
  const depth = ({ instancePath }: ErrorObject) => instancePath.split("/").length;
  const [first] = [...errors ?? []].sort((a, b) => depth(b) - depth(a));
  const names = Object.values(first?.params ?? {}).join(", ");
  return `${first?.instancePath ?? ""} ${first?.message ?? ""} (${names})`;
}
