/** The graph as it is read from the memories that it is kept in. */
import type { Brain } from "../../brain.ts";
import {
  type Entity,
  entityFields,
  entityOf,
  type GraphFields,
  isOfGraph,
  type Relation,
  relationFields,
  relationOf,
} from "../../graph.ts";
import type { Memory } from "../../memory.ts";
import { Pace } from "../../pace.ts";

/** A part of the graph, and the memory that says so. */
export interface Kept<T> {
  readonly memory: Memory;
  readonly value: T;
}

/** In the order in which they were made. */
export interface KeptGraph {
  readonly entities: readonly Kept<Entity>[];
  readonly relations: readonly Kept<Relation>[];
}

export async function keptGraph({ listing }: Pick<Brain, "listing">): Promise<KeptGraph> {
  const entities: Kept<Entity>[] = [];
  const relations: Kept<Relation>[] = [];
  const pace = new Pace();
  for (const memory of await listing.select(isOfGraph)) {
    if (pace.due) await pace.breathe();
    const entity = entityOf(memory);
    const relation = entity === undefined ? relationOf(memory) : undefined;
    if (entity !== undefined) entities.push({ memory, value: entity });
    if (relation !== undefined) relations.push({ memory, value: relation });
  }
  return { entities, relations };
}

/** Those of its values that are wanted; others run in between. */
export async function chosen<T>(
  kept: readonly Kept<T>[],
  isWanted: (value: T) => boolean,
): Promise<readonly Kept<T>[]> {
  const wanted: Kept<T>[] = [];
  const pace = new Pace();
  for (const one of kept) {
    if (pace.due) await pace.breathe();
    if (isWanted(one.value)) wanted.push(one);
  }
  return wanted;
}

/** How a part of the graph is made a memory, and told by its name from others. */
export interface Kind<T> {
  /** `double` counts those of the same name before it. */
  readonly fields: (value: T, double: number) => GraphFields;
  readonly of: (memory: Memory) => T | undefined;
  readonly nameOf: (value: T) => string;
}

export const ENTITY: Kind<Entity> = {
  fields: entityFields,
  of: entityOf,
  nameOf: ({ name }) => name,
};

export const RELATION: Kind<Relation> = {
  fields: relationFields,
  of: relationOf,
  nameOf: ({ from, to, relationType }) => JSON.stringify([from, to, relationType]),
};
