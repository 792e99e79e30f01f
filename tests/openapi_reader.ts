/** The OpenAPI document as those see it who know nothing else of the service. */
import { z } from "zod";
import { type Named, readSchema } from "./json_schema.ts";

const Parameter = z.object({
  name: z.string(),
  in: z.enum(["path", "query", "header"]),
  required: z.boolean(),
  schema: z.unknown().transform(readSchema),
});
const Content = z.record(z.string(), z.object({ schema: z.unknown().transform(readSchema) }));
const Links = z.record(
  z.string(),
  z.object({ operationId: z.string(), parameters: z.record(z.string(), z.string()) }),
);
const Operation = z.object({
  operationId: z.string(),
  security: z.array(z.unknown()).optional(),
  parameters: z.array(Parameter),
  requestBody: z.object({ required: z.boolean(), content: Content }).optional(),
  responses: z.record(z.string(), z.object({ links: Links.optional() })),
});
const Document = z.object({
  paths: z.record(z.string(), z.record(z.string(), Operation)),
  components: z.object({
    schemas: z.record(z.string(), z.unknown().transform(readSchema)),
  }),
});

export type Parameter = z.infer<typeof Parameter>;

export interface Operation extends z.infer<typeof Operation> {
  readonly method: string;
  /** As in the document, with its parameters in braces. */
  readonly path: string;
}

export interface Api {
  readonly operations: readonly Operation[];
  readonly named: Named;
}

/** Throws where the document says something that would not be heeded. */
export function readApi(document: unknown): Api {
  const { paths, components } = Document.parse(document);
  const operations = Object.entries(paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, operation]) => ({
      ...operation,
      method: verb.toUpperCase(),
      path,
    }))
  );
  return { operations, named: components.schemas };
}
