/** Whom memories are of: mem0's users, agents, apps and runs. There is one as long as there is a
 * memory of it; none is made beforehand. */
import type { Brain } from "../../brain.ts";
import { AppError } from "../../errors.ts";
import type { Memory } from "../../memory.ts";
import { Pace } from "../../pace.ts";
import { compareKeys } from "../../selection.ts";
import { json } from "../route.ts";
import { type Asked, type Mem0Route, pageOf } from "./asked.ts";
import { deleteAll } from "./deleting.ts";
import { ENTITIES, type Entity, entityOf } from "./kept.ts";
import { pageList, sortedList } from "./lists.ts";
import type { Mem0ApiOptions } from "./options.ts";

const LOOKED_AT_ONCE = 64;

interface EntityView {
  /** The name again: what one version deletes by the one, another deletes by the other. */
  readonly id: string;
  readonly name: string;
  readonly type: string;
  created_at: string;
  updated_at: string;
  total_memories: number;
  readonly owner: "";
  readonly organization: "";
  readonly metadata: null;
}

export function entityRoutes(options: Mem0ApiOptions): readonly Mem0Route[] {
  const remove = (asked: Asked) => deleteEntity(options.brain, asked);
  return [
    {
      method: "GET",
      path: "/v1/entities",
      scope: "read",
      async answer(asked) {
        const list = sortedList(await entities(options.brain), byType, (entity) => entity);
        // One version deletes all that it finds here, and asks for no second page.
        const all = { page: 1, size: Math.max(1, list.count) };
        return pageList(list, pageOf(asked) ?? all, asked.request);
      },
    },
    { method: "DELETE", path: "/v1/entities/:type/:name", scope: "write", answer: remove },
    { method: "DELETE", path: "/v2/entities/:type/:name", scope: "write", answer: remove },
  ];
}

async function entities({ listing }: Brain): Promise<EntityView[]> {
  // By field and name, so that no key has to be made for each memory.
  const found = ENTITIES.map((field) => ({ field, byName: new Map<string, EntityView>() }));
  const pace = new Pace();
  for (const [n, memory] of (await listing.select(() => true)).entries()) {
    if (n % LOOKED_AT_ONCE === 0 && pace.due) await pace.breathe();
    for (const { field, byName } of found) {
      const name = entityOf(memory, field);
      if (name === null) continue;
      const known = byName.get(name);
      if (known === undefined) byName.set(name, newEntity(typeOf(field), name, memory));
      else add(known, memory);
    }
  }
  const all: EntityView[] = [];
  for (const { byName } of found) {
    for (const entity of byName.values()) {
      if (all.push(entity) % LOOKED_AT_ONCE === 0 && pace.due) await pace.breathe();
    }
  }
  return all;
}

function add(known: EntityView, { created_at, updated_at }: Memory): void {
  known.total_memories++;
  if (created_at < known.created_at) known.created_at = created_at;
  if (updated_at > known.updated_at) known.updated_at = updated_at;
}

function newEntity(type: string, name: string, { created_at, updated_at }: Memory): EntityView {
  const nobody = { owner: "", organization: "", metadata: null } as const;
  return { id: name, name, type, created_at, updated_at, total_memories: 1, ...nobody };
}

function byType(a: EntityView, b: EntityView): number {
  return compareKeys(a.type, b.type) || compareKeys(a.name, b.name);
}

function typeOf(field: Entity): string {
  return field.replace(/_id$/, "");
}

/**
 * With all its memories: without them there is none. Who deletes one after the other, as their clients
 * do, deletes some with the memories of another: that there is none (left) is no error.
 */
async function deleteEntity(brain: Brain, { params }: Asked): Promise<Response> {
  const { type, name } = params;
  const field = ENTITIES.find((field) => typeOf(field) === type);
  if (field === undefined) {
    const types = ENTITIES.map(typeOf).join(", ");
    throw new AppError("invalid", `Cannot delete the entity: its type must be one of ${types}`);
  }
  await deleteAll(brain, (memory) => entityOf(memory, field) === name);
  return json(200, { message: "Entity deleted successfully!" });
}
