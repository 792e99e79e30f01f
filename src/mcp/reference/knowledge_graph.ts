/**
 * The knowledge graph over the memories that it is kept in. Each call sees them as they are: what
 * was changed or deleted by other ways is so here too, and no such change is overwritten unseen.
 *
 * One that changes something waits for those that came before it; one that reads waits for nobody.
 * Every memory is written whole and durable by itself: a crash in the middle of a call, or its end
 * because nobody waits for it any more, leaves the first ones, and the same call again does the rest.
 */
import type { Brain } from "../../brain.ts";
import { AppError, type ErrorCode } from "../../errors.ts";
import { type Entity, entityOf, type Relation } from "../../graph.ts";
import type { Memory } from "../../memory.ts";
import { paced } from "../../pace.ts";
import {
  chosen,
  ENTITY,
  type Kept,
  type KeptGraph,
  keptGraph,
  type Kind,
  RELATION,
} from "./kept_graph.ts";
import { requireFew, requireFit, requireReadable } from "./limits.ts";
import { type Added, type Additions, changedText, type Edit, extend } from "./observations.ts";
import { Turns } from "./turns.ts";

export interface Graph {
  readonly entities: readonly Entity[];
  readonly relations: readonly Relation[];
}

export interface Deletions {
  readonly entityName: string;
  readonly observations: readonly string[];
}

/** A memory may be held by another one, or changed meanwhile, so often before a call gives up. */
const MOST_TRIES = 20;
const DELETED_AT_ONCE = 64;

export class KnowledgeGraph {
  readonly #brain: Pick<Brain, "memories" | "listing">;
  readonly #turns = new Turns();

  constructor(brain: Pick<Brain, "memories" | "listing">) {
    this.#brain = brain;
  }

  /** Throws `too_large`, as `search` and `open` do. */
  async read(): Promise<Graph> {
    const { entities, relations } = await keptGraph(this.#brain);
    return shown(valuesOf(entities), valuesOf(relations));
  }

  /** The entities that have the text in their name, type or observations, and their relations. */
  async search(query: string): Promise<Graph> {
    const wanted = query.toLowerCase();
    const has = (text: string) => text.toLowerCase().includes(wanted);
    return await this.#around(({ name, entityType, observations }) =>
      has(name) || has(entityType) || observations.some(has)
    );
  }

  async open(names: readonly string[]): Promise<Graph> {
    const wanted = new Set(names);
    return await this.#around(({ name }) => wanted.has(name));
  }

  async #around(isWanted: (entity: Entity) => boolean): Promise<Graph> {
    const graph = await keptGraph(this.#brain);
    const entities = valuesOf(await chosen(graph.entities, isWanted));
    const names = new Set(entities.map(({ name }) => name));
    const isNear = ({ from, to }: Relation) => names.has(from) || names.has(to);
    return shown(entities, valuesOf(await chosen(graph.relations, isNear)));
  }

  /** Gives those whose names were not there; the others are left as they are. */
  async createEntities(
    entities: readonly Entity[],
    signal: AbortSignal,
  ): Promise<readonly Entity[]> {
    requireFew("entities", entities);
    return await this.#inTurn(
      signal,
      (graph) => this.#create(ENTITY, entities, graph.entities, signal),
    );
  }

  /** Gives those that were not there; the entities they join need not be. */
  async createRelations(
    relations: readonly Relation[],
    signal: AbortSignal,
  ): Promise<readonly Relation[]> {
    requireFew("relations", relations);
    return await this.#inTurn(
      signal,
      (graph) => this.#create(RELATION, relations, graph.relations, signal),
    );
  }

  /** Throws `not_found` where one of the entities is not there: nothing was added. */
  async addObservations(
    additions: readonly Additions[],
    signal: AbortSignal,
  ): Promise<readonly Added[]> {
    requireFew("observations", additions);
    return await this.#inTurn(signal, async ({ entities }) => {
      const byName = firstByName(entities);
      const missing = additions.find(({ entityName }) => !byName.has(entityName));
      if (missing !== undefined) throw unknownEntity(missing.entityName);
      const added: Added[] = [];
      const edits: Edit[] = [];
      const numbered = [...additions.entries()];
      for (const [name, some] of Map.groupBy(numbered, ([, { entityName }]) => entityName)) {
        const entity = byName.get(name);
        if (entity !== undefined) edits.push({ entity, change: (all) => extend(all, some, added) });
      }
      for (const { entity, change } of edits) changedText(entity.value, change);
      for (const edit of edits) {
        signal.throwIfAborted();
        if (!await this.#edit(edit)) throw unknownEntity(edit.entity.value.name);
      }
      return added;
    });
  }

  async deleteObservations(deletions: readonly Deletions[], signal: AbortSignal): Promise<void> {
    requireFew("deletions", deletions);
    await this.#inTurn(signal, async ({ entities }) => {
      const byName = firstByName(entities);
      for (const [name, some] of Map.groupBy(deletions, ({ entityName }) => entityName)) {
        const entity = byName.get(name);
        const gone = new Set(some.flatMap(({ observations }) => observations));
        signal.throwIfAborted();
        const change: Edit["change"] = (all) => all.filter((text) => !gone.has(text));
        if (entity !== undefined) await this.#edit({ entity, change });
      }
    });
  }

  /** Their relations go with them, and first: none is left behind by a crash in between. */
  async deleteEntities(names: readonly string[], signal: AbortSignal): Promise<void> {
    requireFew("entityNames", names);
    const gone = new Set(names);
    const isNear = ({ from, to }: Relation) => gone.has(from) || gone.has(to);
    await this.#inTurn(signal, async ({ entities, relations }) => {
      await this.#delete(RELATION, relations, isNear, signal);
      await this.#delete(ENTITY, entities, ({ name }) => gone.has(name), signal);
    });
  }

  async deleteRelations(deletions: readonly Relation[], signal: AbortSignal): Promise<void> {
    requireFew("relations", deletions);
    const gone = new Set(deletions.map(RELATION.nameOf));
    const isGone = (relation: Relation) => gone.has(RELATION.nameOf(relation));
    await this.#inTurn(
      signal,
      ({ relations }) => this.#delete(RELATION, relations, isGone, signal),
    );
  }

  async #inTurn<T>(signal: AbortSignal, work: (graph: KeptGraph) => Promise<T>): Promise<T> {
    return await this.#turns.take(signal, async () => await work(await keptGraph(this.#brain)));
  }

  /** One after the other: their order is that of the graph. What comes twice in one call is made
   * twice, as the original does; what is there already is not. */
  async #create<T>(
    kind: Kind<T>,
    values: readonly T[],
    kept: readonly Kept<T>[],
    signal: AbortSignal,
  ): Promise<readonly T[]> {
    const known = new Set(await paced(kept, ({ value }) => kind.nameOf(value)));
    const unknown = values.filter((value) => !known.has(kind.nameOf(value)));
    for (const value of unknown) requireFit(kind.fields(value, 0));
    const doubles = new Map<string, number>();
    const created: T[] = [];
    for (const value of unknown) {
      signal.throwIfAborted();
      const name = kind.nameOf(value);
      const double = await this.#createOne(kind, value, doubles.get(name) ?? 0);
      if (double === undefined) continue;
      doubles.set(name, double + 1);
      created.push(value);
    }
    return created;
  }

  /** Gives which double it is; undefined where another made the same just now. An id may also be
   * that of a memory which has become something else. */
  async #createOne<T>(kind: Kind<T>, value: T, first: number): Promise<number | undefined> {
    for (let double = first; double < first + MOST_TRIES; double++) {
      const fields = kind.fields(value, double);
      try {
        await this.#brain.memories.create(fields);
        return double;
      } catch (error) {
        if (!hasCode(error, "conflict")) throw error;
      }
      const there = this.#find(fields.id);
      const other = there && kind.of(there);
      if (other !== undefined && kind.nameOf(other) === kind.nameOf(value)) return undefined;
    }
    throw givenUp();
  }

  /** False where the entity is gone. Where it was changed meanwhile, that change is kept. */
  async #edit({ entity, change }: Edit): Promise<boolean> {
    const { id } = entity.memory;
    let memory: Memory | undefined = entity.memory;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const seen: Memory = memory;
      const now = entityOf(seen);
      if (now?.name !== entity.value.name) return false;
      const content = changedText(now, change);
      if (content === undefined) return true;
      try {
        await this.#brain.memories.replaceFields(id, { content }, (now) => now === seen);
        return true;
      } catch (error) {
        if (!hasCode(error, "precondition_failed", "not_found")) throw error;
      }
      memory = this.#find(id);
      if (memory === undefined) return false;
    }
    throw givenUp();
  }

  /** What has become something else meanwhile stays. */
  async #delete<T>(
    kind: Kind<T>,
    kept: readonly Kept<T>[],
    isGone: (value: T) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const isStillGone = (memory: Memory) => {
      const value = kind.of(memory);
      return value !== undefined && isGone(value);
    };
    const going = await chosen(kept, isGone);
    for (let at = 0; at < going.length; at += DELETED_AT_ONCE) {
      signal.throwIfAborted();
      const some = going.slice(at, at + DELETED_AT_ONCE);
      await Promise.all(some.map(async ({ memory }) => {
        try {
          await this.#brain.memories.delete(memory.id, isStillGone);
        } catch (error) {
          if (!hasCode(error, "precondition_failed", "not_found")) throw error;
        }
      }));
    }
  }

  #find(id: string): Memory | undefined {
    try {
      return this.#brain.memories.peek(id).memory;
    } catch (error) {
      if (hasCode(error, "not_found")) return undefined;
      throw error;
    }
  }
}

function shown(entities: readonly Entity[], relations: readonly Relation[]): Graph {
  requireReadable(entities, relations);
  return { entities, relations };
}

function valuesOf<T>(kept: readonly Kept<T>[]): readonly T[] {
  return kept.map(({ value }) => value);
}

function firstByName(entities: readonly Kept<Entity>[]): ReadonlyMap<string, Kept<Entity>> {
  return new Map(entities.toReversed().map((entity) => [entity.value.name, entity]));
}

/** In the original's words, which clients may look for. */
function unknownEntity(name: string): AppError {
  return new AppError("not_found", `Entity with name ${name} not found`);
}

function givenUp(): AppError {
  return new AppError(
    "conflict",
    "Cannot change the graph: others keep changing the same memory; try again",
  );
}

function hasCode(error: unknown, ...codes: readonly ErrorCode[]): boolean {
  return error instanceof AppError && codes.includes(error.code);
}
