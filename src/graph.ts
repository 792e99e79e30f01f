/**
 * A knowledge graph of entities and relations, each of them an ordinary memory, so that search
 * finds what they say. The metadata tells which entity or relation a memory is; an entity's
 * observations are its text, one item each, so that who edits the text edits the graph:
 *
 *   {"graph":"entity","name":"Anna","entityType":"person"}
 *   Anna (person)
 *   - lives in Lisbon
 *   - plays the cello
 *
 *   {"graph":"relation","from":"Anna","to":"Acme","relationType":"works at"}
 *   Anna → works at → Acme
 *
 * Their ids follow from what they are: the same is never made twice, whoever makes it.
 */
import { v5 } from "uuid";
import type { Memory } from "./memory.ts";

// Types, not interfaces: so they are JSON, too.
export type Entity = {
  readonly name: string;
  readonly entityType: string;
  readonly observations: readonly string[];
};

export type Relation = {
  readonly from: string;
  readonly to: string;
  readonly relationType: string;
};

/** What makes a memory a part of the graph; the rest of it is its maker's to choose. */
export type GraphFields = Pick<Memory, "id" | "content" | "metadata">;

/** Of our own choosing; another one would make other ids. */
const NAMESPACE = "5c0a3f9e-7f0b-4c55-9d1a-2e6b8f4d7a13";
const ITEM = "- ", CONTINUED = "  ";

/** `double` counts those of the same name before this one: the graph's formats allow them. */
export function entityFields(entity: Entity, double = 0): GraphFields {
  const { name, entityType } = entity;
  return {
    id: idOf(["entity", name], double),
    content: entityText(entity),
    metadata: { graph: "entity", name, entityType },
  };
}

/** `double` counts the same relations before this one. */
export function relationFields(relation: Relation, double = 0): GraphFields {
  const { from, to, relationType } = relation;
  return {
    id: idOf(["relation", from, to, relationType], double),
    content: `${from} → ${relationType} → ${to}`,
    metadata: { graph: "relation", from, to, relationType },
  };
}

function idOf(parts: readonly string[], double: number): string {
  return v5(JSON.stringify(double === 0 ? parts : [...parts, double]), NAMESPACE);
}

/** Whether it says that it is part of the graph; what it says may still not be fit. */
export function isOfGraph({ metadata }: Memory): boolean {
  return Object.hasOwn(metadata, "graph");
}

// Told by hand: a graph is read as a whole, and a schema would take most of the time.
export function entityOf({ content, metadata }: Memory): Entity | undefined {
  const { graph, name, entityType } = metadata;
  if (graph !== "entity" || typeof name !== "string" || typeof entityType !== "string") {
    return undefined;
  }
  return {
    name,
    entityType,
    observations: observationsIn(content, headingOf({ name, entityType })),
  };
}

export function relationOf({ metadata }: Memory): Relation | undefined {
  const { graph, from, to, relationType } = metadata;
  if (graph !== "relation") return undefined;
  if (typeof from !== "string" || typeof to !== "string" || typeof relationType !== "string") {
    return undefined;
  }
  return { from, to, relationType };
}

export function entityText(entity: Entity): string {
  const items = entity.observations.map((text) => ITEM + text.replaceAll("\n", `\n${CONTINUED}`));
  return [headingOf(entity), ...items].join("\n");
}

function headingOf({ name, entityType }: Pick<Entity, "name" | "entityType">): string {
  return `${name} (${entityType})`.replaceAll("\n", " ");
}

/**
 * Exactly those that were written. Of a text that a person has rewritten, whatever is neither the
 * heading nor an item is an observation too, line by line: no word is lost, though white space is.
 */
function observationsIn(content: string, heading: string): readonly string[] {
  const lines = content.split("\n");
  if (lines[0] === heading) lines.shift();
  const items: string[][] = [];
  let item: string[] | undefined;
  for (const line of lines) {
    if (line.startsWith(ITEM)) items.push(item = [line.slice(ITEM.length)]);
    else if (item !== undefined && line.startsWith(CONTINUED)) {
      item.push(line.slice(CONTINUED.length));
    } else {
      item = undefined;
      if (/\S/.test(line)) items.push([line.trim()]);
    }
  }
  return items.map((parts) => parts.join("\n"));
}
