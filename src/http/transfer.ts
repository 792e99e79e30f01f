/** `POST /export` and `POST /import`: everything out, and everything back in. */
import { z } from "zod";
import type { Brain } from "../brain.ts";
import { EXPORT_FORMAT } from "../exports.ts";
import { importReportSchema } from "../import_draft.ts";
import { importRecordDoc } from "../import_record.ts";
import { idSchema } from "../memory.ts";
import { type RawRecord, readJsonRecords, readLineRecords } from "../record_stream.ts";
import { type BodyLimits, requireMediaType, StreamedBody } from "./body.ts";
import { memorySchema } from "./memory_view.ts";
import { flagParameter, IDEMPOTENCY_HEADER, retriable } from "./parameters.ts";
import { json, requireScope, type Route, route } from "./route.ts";

const NDJSON = "application/x-ndjson";
const IMPORT_TYPES = ["application/json", NDJSON] as const;

const exportSchema = z.strictObject({
  format: z.enum(["json", "ndjson"]).default("json"),
  include_embeddings: z.union([z.boolean(), z.literal("own")]).default(false).meta({
    description: "`own`: only vectors that clients sent, which no provider could make again.",
  }),
  destination: z.enum(["response", "file"]).default("response").meta({
    description: "`file`: under `exports/` in the data folder.",
  }),
}).meta({ id: "ExportRequest" });

const exportFileSchema = z.strictObject({
  file: z.string(),
  bytes: z.int(),
  sha256: z.string(),
  total_memories: z.int(),
}).meta({ id: "ExportFile" });

const exportDocumentSchema = z.strictObject({
  format: z.literal(EXPORT_FORMAT),
  exported_at: z.string().meta({ format: "date-time" }),
  version: z.string(),
  total_memories: z.int().min(0),
  memories: z.array(memorySchema),
}).meta({ id: "Export" });

/** What an import may look like; the records are read one by one as they come. */
const importDoc = z.union([
  z.array(importRecordDoc),
  z.looseObject({
    memories: z.union([z.array(importRecordDoc), z.record(idSchema, importRecordDoc)]),
  }),
]).meta({
  description: "Records as exported; unknown fields are kept in `metadata.imported_fields`.",
});

const importQuery = z.strictObject({
  on_conflict: z.enum(["skip", "overwrite", "newest", "error"]).default("skip").meta({
    description: "What happens where an id is taken; `newest` goes by `updated_at`.",
  }),
  on_error: z.enum(["abort", "skip"]).default("abort").meta({
    description: "`abort`: one bad record, and nothing is imported.",
  }),
  dry_run: flagParameter.default(false).meta({ description: "Judge everything, change nothing." }),
  user_id: z.string().min(1).max(256).optional().meta({
    description: "Take only this user's records out of an export of many.",
  }),
});

export function transferRoutes(brain: Brain, importLimits: BodyLimits): readonly Route[] {
  return [exportRoute(brain), importRoute(brain, importLimits)];
}

function exportRoute({ exports }: Brain): Route {
  return route({
    method: "POST",
    path: "/export",
    operationId: "exportMemories",
    summary: "Write all memories out",
    tag: "Import and export",
    scope: "read",
    body: { schema: exportSchema, contentTypes: ["application/json"], optional: true },
    replies: {
      200: {
        description: "The export, streamed; `POST /import` takes it back.",
        schema: z.union([
          exportDocumentSchema,
          z.string().meta({ description: "NDJSON: a memory a line." }),
        ]),
        contentType: `application/json, ${NDJSON}`,
        headers: {
          "Content-Disposition": "A name for the file.",
          "X-Total-Count": "How many memories it holds: with fewer, it broke off on the way.",
        },
      },
      201: { description: "The file that was written.", schema: exportFileSchema },
    },
    errors: ["insufficient_storage", "read_only"],
  }, async ({ body, scope }) => {
    const request = { format: body.format, includeEmbeddings: body.include_embeddings };
    if (body.destination === "file") {
      requireScope("write", scope);
      return json(201, await exports.toFile(request));
    }
    const { name, total, pieces } = exports.stream(request);
    return new Response(ReadableStream.from(pieces), {
      headers: {
        "Content-Type": body.format === "json" ? "application/json; charset=utf-8" : NDJSON,
        "Content-Disposition": `attachment; filename="${name}"`,
        "X-Total-Count": String(total),
      },
    });
  });
}

function importRoute({ imports }: Brain, limits: BodyLimits): Route {
  return route({
    method: "POST",
    path: "/import",
    operationId: "importMemories",
    summary: "Bring memories in, all or none",
    description: "An export object, a plain array of memories, or a memory a line " +
      "(NDJSON). Also takes the exports of the Python Second Brain. One unit: a crash in the " +
      "middle leaves all of it or none.",
    tag: "Import and export",
    query: importQuery,
    headers: IDEMPOTENCY_HEADER,
    body: {
      schema: importDoc,
      schemas: { [NDJSON]: importRecordDoc.meta({ description: "Each line." }) },
      contentTypes: IMPORT_TYPES,
      streamed: true,
    },
    replies: { 200: { description: "What was done.", schema: importReportSchema } },
    errors: ["conflict", "insufficient_storage", "overloaded"],
  }, async ({ query, request }) => {
    const body = new StreamedBody(request, limits);
    const asked = retriable(request, body);
    const type = requireMediaType(request, IMPORT_TYPES);
    const { pieces } = body;
    const records: AsyncIterable<readonly RawRecord[]> = type === NDJSON
      ? readLineRecords(pieces)
      : readJsonRecords(pieces);
    const report = await imports.run(records, {
      onConflict: query.on_conflict,
      onError: query.on_error,
      dryRun: query.dry_run,
      userId: query.user_id,
    }, asked);
    return json(200, report);
  });
}
