/**
 * The nine tools of the protocol's own memory server, a knowledge graph: with its names, schemas,
 * answers and errors, so that who was used to it notices no difference. What it keeps in a file of
 * its own lies among the other memories here, where every search finds it.
 *
 * What differs: a call takes so many items and so long, and an answer so many characters
 * (limits.ts); an observation that no memory has room for is refused; a key for reading may read.
 */
import { z } from "zod";
import type { Brain } from "../brain.ts";
import { AppError } from "../errors.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../json.ts";
import { type Graph, KnowledgeGraph } from "./reference/knowledge_graph.ts";
import type { Annotations, Tool, ToolResult } from "./tool.ts";

const entitySchema = z.object({
  name: z.string().describe("What it is called; names tell entities apart"),
  entityType: z.string().describe("What kind of thing it is"),
  observations: z.array(z.string()).describe("What is known of it, one fact each"),
});

const relationSchema = z.object({
  from: z.string().describe("The entity it starts from, by name"),
  to: z.string().describe("The entity it leads to, by name"),
  relationType: z.string().describe("What the first is or does to the second"),
});

const additionsSchema = z.object({
  entityName: z.string().describe("The entity to add to, by name"),
  contents: z.array(z.string()).describe("What else is known of it, one fact each"),
});

const addedSchema = z.object({
  entityName: z.string(),
  addedObservations: z.array(z.string()),
});

const deletionsSchema = z.object({
  entityName: z.string().describe("The entity to delete from, by name"),
  observations: z.array(z.string()).describe("What is to be known no more, word for word"),
});

const graphShape = { entities: z.array(entitySchema), relations: z.array(relationSchema) };
const doneShape = { success: z.boolean(), message: z.string() };

const READS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true } as const;
const ADDS = { readOnlyHint: false, destructiveHint: false, idempotentHint: false } as const;
const DELETES = { readOnlyHint: false, destructiveHint: true, idempotentHint: true } as const;

interface Definition<Input extends z.ZodRawShape> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: Input;
  readonly output: z.ZodRawShape;
  readonly hints: Omit<Annotations, "title" | "openWorldHint">;
  readonly work: (args: z.infer<z.ZodObject<Input>>, signal: AbortSignal) => Promise<ToolResult>;
}

/** To be made once for a brain: calls that change something wait for each other. */
export function referenceTools(brain: Brain): readonly Tool[] {
  const graph = new KnowledgeGraph(brain);
  return [...creating(graph), ...deleting(graph), ...reading(graph)];
}

function creating(graph: KnowledgeGraph): readonly Tool[] {
  return [
    toolOf({
      name: "create_entities",
      title: "Create Entities",
      description: "Adds entities to the knowledge graph; one whose name is there stays as it is",
      input: { entities: z.array(entitySchema) },
      output: { entities: z.array(entitySchema) },
      hints: ADDS,
      work: async (args, signal) => {
        const entities = await graph.createEntities(args.entities, signal);
        return answer(entities, { entities });
      },
    }),
    toolOf({
      name: "create_relations",
      title: "Create Relations",
      description: "Adds relations between entities to the knowledge graph, said in active voice",
      input: { relations: z.array(relationSchema) },
      output: { relations: z.array(relationSchema) },
      hints: ADDS,
      work: async (args, signal) => {
        const relations = await graph.createRelations(args.relations, signal);
        return answer(relations, { relations });
      },
    }),
    toolOf({
      name: "add_observations",
      title: "Add Observations",
      description: "Adds to what is known of entities that are in the knowledge graph",
      input: { observations: z.array(additionsSchema) },
      output: { results: z.array(addedSchema) },
      hints: ADDS,
      work: async (args, signal) => {
        const results = await graph.addObservations(args.observations, signal);
        return answer(results, { results });
      },
    }),
  ];
}

function deleting(graph: KnowledgeGraph): readonly Tool[] {
  return [
    toolOf({
      name: "delete_entities",
      title: "Delete Entities",
      description: "Deletes entities from the knowledge graph, and all their relations",
      input: { entityNames: z.array(z.string()).describe("The names of those to delete") },
      output: doneShape,
      hints: DELETES,
      work: async ({ entityNames }, signal) => {
        await graph.deleteEntities(entityNames, signal);
        return done("Entities deleted successfully");
      },
    }),
    toolOf({
      name: "delete_observations",
      title: "Delete Observations",
      description: "Deletes some of what is known of entities in the knowledge graph",
      input: { deletions: z.array(deletionsSchema) },
      output: doneShape,
      hints: DELETES,
      work: async ({ deletions }, signal) => {
        await graph.deleteObservations(deletions, signal);
        return done("Observations deleted successfully");
      },
    }),
    toolOf({
      name: "delete_relations",
      title: "Delete Relations",
      description: "Deletes relations from the knowledge graph; their entities stay",
      input: { relations: z.array(relationSchema).describe("Those to delete, in full") },
      output: doneShape,
      hints: DELETES,
      work: async ({ relations }, signal) => {
        await graph.deleteRelations(relations, signal);
        return done("Relations deleted successfully");
      },
    }),
  ];
}

function reading(graph: KnowledgeGraph): readonly Tool[] {
  return [
    toolOf({
      name: "read_graph",
      title: "Read Graph",
      description: "Gives the whole knowledge graph",
      input: {},
      output: graphShape,
      hints: READS,
      work: async () => whole(await graph.read()),
    }),
    toolOf({
      name: "search_nodes",
      title: "Search Nodes",
      description: "Gives the entities that have a text in them, and their relations",
      input: { query: z.string().describe("Looked for in names, types and observations") },
      output: graphShape,
      hints: READS,
      work: async ({ query }) => whole(await graph.search(query)),
    }),
    toolOf({
      name: "open_nodes",
      title: "Open Nodes",
      description: "Gives the entities of these names, and their relations",
      input: { names: z.array(z.string()).describe("The names of those wanted") },
      output: graphShape,
      hints: READS,
      work: async ({ names }) => whole(await graph.open(names)),
    }),
  ];
}

function toolOf<Input extends z.ZodRawShape>(definition: Definition<Input>): Tool {
  const { name, title, description, hints, work } = definition;
  const input = z.object(definition.input);
  return {
    name,
    description,
    inputSchema: jsonSchema(input, "input"),
    outputSchema: jsonSchema(z.object(definition.output), "output"),
    annotations: { title, ...hints, openWorldHint: false },
    scope: hints.readOnlyHint ? "read" : "write",
    call: async (args, signal) => {
      const parsed = input.safeParse(args);
      if (!parsed.success) throw unfit(name, parsed.error);
      return await work(parsed.data, signal);
    },
  };
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): JsonObject {
  const made: unknown = z.toJSONSchema(schema, { io, target: "draft-7" });
  if (!isJsonObject(made)) throw new Error("Cannot make the schema: it is no object");
  return made;
}

/** In the original's words, which are those of its SDK. */
function unfit(name: string, { issues }: z.ZodError): AppError {
  const faults = issues.map(({ message, path }) => `${message} at ${z.core.toDotPath(path)}`);
  const where = `MCP error -32602: Input validation error: Invalid arguments for tool ${name}`;
  return new AppError("invalid", `${where}: ${faults.join("\n")}`);
}

function whole({ entities, relations }: Graph): ToolResult {
  return answer({ entities, relations }, { entities, relations });
}

function answer(told: JsonValue, structured: JsonObject): ToolResult {
  return { text: JSON.stringify(told, null, 2), structured };
}

function done(message: string): ToolResult {
  return { text: message, structured: { success: true, message } };
}
