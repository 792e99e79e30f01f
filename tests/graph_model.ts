/**
 * The knowledge graph as the obvious slow thing, two lists; and calls by chance that go to it, to
 * this brain's tools and to the original alike.
 */
import type { Entity, Relation } from "../src/graph.ts";
import type { JsonObject } from "../src/json.ts";
import { below } from "./fakes/store_kit.ts";
import type { Json } from "./http_app.ts";

export interface Call {
  readonly name: string;
  readonly arguments: JsonObject;
}

export const READING = ["read_graph", "search_nodes", "open_nodes"];
export const WRITING = [
  "create_entities",
  "create_relations",
  "add_observations",
  "delete_entities",
  "delete_observations",
  "delete_relations",
];

export class GraphModel {
  entities: Entity[] = [];
  relations: Relation[] = [];

  /** What a client is answered; the arguments are known to be right. */
  answer({ name, arguments: args }: Call): Json {
    const given: Json = args;
    switch (name) {
      case "create_entities":
        return all("entities", this.#createEntities(given.entities));
      case "create_relations":
        return all("relations", this.#createRelations(given.relations));
      case "add_observations":
        return this.#add(given.observations);
      case "delete_entities":
        return this.#deleteEntities(given.entityNames);
      case "delete_observations":
        return this.#deleteObservations(given.deletions);
      case "delete_relations":
        return this.#deleteRelations(given.relations);
      case "read_graph":
        return this.#around(() => true, this.relations);
      case "search_nodes":
        return this.#search(given.query.toLowerCase());
      default:
        return this.#around(({ name }) => given.names.includes(name));
    }
  }

  #createEntities(entities: readonly Entity[]): Json {
    const created = entities.filter(({ name }) => !this.entities.some((one) => one.name === name));
    this.entities.push(...created);
    return created;
  }

  #createRelations(relations: readonly Relation[]): Json {
    const created = relations.filter((one) => !this.relations.some((other) => isSame(one, other)));
    this.relations.push(...created);
    return created;
  }

  #add(additions: readonly { entityName: string; contents: readonly string[] }[]): Json {
    const entities = this.entities.map((entity) => ({ ...entity }));
    const results: Json[] = [];
    for (const { entityName, contents } of additions) {
      const entity = entities.find(({ name }) => name === entityName);
      if (entity === undefined) {
        const text = `Entity with name ${entityName} not found`;
        return { content: [{ type: "text", text }], isError: true };
      }
      const addedObservations = contents.filter((text) => !entity.observations.includes(text));
      entity.observations = [...entity.observations, ...addedObservations];
      results.push({ entityName, addedObservations });
    }
    this.entities = entities;
    return all("results", results);
  }

  #deleteEntities(names: readonly string[]): Json {
    this.entities = this.entities.filter(({ name }) => !names.includes(name));
    this.relations = this.relations.filter(({ from, to }) =>
      !names.includes(from) && !names.includes(to)
    );
    return done("Entities");
  }

  #deleteObservations(deletions: readonly { entityName: string; observations: string[] }[]): Json {
    for (const { entityName, observations } of deletions) {
      const at = this.entities.findIndex(({ name }) => name === entityName);
      const entity = this.entities[at];
      if (entity === undefined) continue;
      const left = entity.observations.filter((text) => !observations.includes(text));
      this.entities[at] = { ...entity, observations: left };
    }
    return done("Observations");
  }

  #deleteRelations(relations: readonly Relation[]): Json {
    this.relations = this.relations.filter((one) => !relations.some((other) => isSame(one, other)));
    return done("Relations");
  }

  #search(query: string): Json {
    return this.#around(({ name, entityType, observations }) =>
      [name, entityType, ...observations].some((text) => text.toLowerCase().includes(query))
    );
  }

  #around(isWanted: (entity: Entity) => boolean, given?: readonly Relation[]): Json {
    const entities = this.entities.filter(isWanted);
    const isThere = (wanted: string) => entities.some(({ name }) => name === wanted);
    const relations = given ??
      this.relations.filter(({ from, to }) => isThere(from) || isThere(to));
    return shown({ entities, relations }, { entities, relations });
  }
}

function isSame(one: Relation, other: Relation): boolean {
  return one.from === other.from && one.to === other.to && one.relationType === other.relationType;
}

function shown(told: Json, structuredContent: Json): Json {
  return { content: [{ type: "text", text: JSON.stringify(told, null, 2) }], structuredContent };
}

function all(name: string, items: Json): Json {
  return shown(items, { [name]: items });
}

function done(what: string): Json {
  const message = `${what} deleted successfully`;
  const structuredContent = { success: true, message };
  return { content: [{ type: "text", text: message }], structuredContent };
}

const NAMES = ["Anna", "anna", "Acme Inc.", "a (b)", "- x", "two\nlines", "", " ", "Straße"];
const TYPES = ["person", "company", "", "x (y)", "line\nfeed"];
const TEXTS = [
  "lives in Lisbon",
  "plays the cello",
  "- a dash",
  "  two blanks",
  "two\nlines",
  "\n",
  "",
  "ends with a blank ",
  "carriage\r\nreturn",
  "Anna (person)",
  "ANNA knows 🙂",
];
const RELATIONS = ["knows", "works at", " → ", ""];
const QUERIES = ["ann", "LISBON", "\n", "", "- ", "straße", "nothing has this"];

/** Few names and texts, so that calls meet. */
export function randomCall(random: () => number, names: readonly string[]): Call {
  const pick = (from: readonly string[]) => from[below(random, from.length)] ?? "";
  const some = <T>(most: number, one: () => T): T[] =>
    Array.from({ length: below(random, most) }, one);
  const texts = () => some(4, () => pick(TEXTS));
  const relation = () => ({
    from: pick(NAMES),
    to: pick(NAMES),
    relationType: pick(RELATIONS),
  });
  const making: Readonly<Record<string, () => JsonObject>> = {
    create_entities: () => ({
      entities: some(4, () => ({
        name: pick(NAMES),
        entityType: pick(TYPES),
        observations: texts(),
      })),
    }),
    create_relations: () => ({ relations: some(4, relation) }),
    add_observations: () => ({
      observations: some(3, () => ({ entityName: pick(NAMES), contents: texts() })),
    }),
    delete_entities: () => ({ entityNames: some(3, () => pick(NAMES)) }),
    delete_observations: () => ({
      deletions: some(3, () => ({ entityName: pick(NAMES), observations: texts() })),
    }),
    delete_relations: () => ({ relations: some(6, relation) }),
    read_graph: () => ({}),
    search_nodes: () => ({ query: pick(QUERIES) }),
    open_nodes: () => ({ names: some(4, () => pick(NAMES)) }),
  };
  const name = pick(names);
  return { name, arguments: making[name]?.() ?? {} };
}

const WRONG: readonly ((value: Json) => Json)[] = [
  () => null,
  () => 1,
  () => "text",
  () => [1],
  () => [{}],
  () => [null],
  () => ({}),
];

/** The same call with one argument left out, or wrong. */
export function spoilt(random: () => number, call: Call): Call {
  const args: Json = structuredClone(call.arguments);
  const [key] = Object.keys(args);
  if (key === undefined) return { ...call, arguments: { unknown: 1 } };
  const wrong = WRONG[below(random, WRONG.length)];
  if (wrong === undefined || random() < 0.2) delete args[key];
  else args[key] = wrong(args[key]);
  return { ...call, arguments: args };
}
