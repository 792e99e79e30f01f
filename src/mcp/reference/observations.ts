/** What becomes of an entity's observations. Pure. */
import { type Entity, entityText } from "../../graph.ts";
import type { Kept } from "./kept_graph.ts";
import { requireFit } from "./limits.ts";

export interface Additions {
  readonly entityName: string;
  readonly contents: readonly string[];
}

/** A type, not an interface: so it is JSON, too. */
export type Added = {
  readonly entityName: string;
  readonly addedObservations: readonly string[];
};

export interface Edit {
  readonly entity: Kept<Entity>;
  readonly change: (observations: readonly string[]) => readonly string[];
}

/** With what each addition brings that was not there before it, which is told by its number. */
export function extend(
  observations: readonly string[],
  additions: readonly (readonly [number, Additions])[],
  added: Added[],
): readonly string[] {
  const all = [...observations];
  const known = new Set(all);
  for (const [at, { entityName, contents }] of additions) {
    const addedObservations = contents.filter((text) => !known.has(text));
    for (const text of addedObservations) {
      known.add(text);
      all.push(text);
    }
    added[at] = { entityName, addedObservations };
  }
  return all;
}

/** Undefined where nothing changes. Throws `invalid` where it would be too much for a memory. */
export function changedText(entity: Entity, change: Edit["change"]): string | undefined {
  const observations = change(entity.observations);
  if (observations.length === entity.observations.length) return undefined;
  const content = entityText({ ...entity, observations });
  requireFit({ content, metadata: {} });
  return content;
}
