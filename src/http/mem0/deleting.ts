/** Deletes memories of mem0's: one, some by their ids, or all that a filter holds for. */
import { z } from "zod";
import type { Brain } from "../../brain.ts";
import { AppError, type ErrorCode } from "../../errors.ts";
import { json } from "../route.ts";
import {
  bodyOf,
  ENTITY_FIELDS,
  idOf,
  knownId,
  type Mem0Route,
  objectSchema,
  queryOf,
} from "./asked.ts";
import type { Test } from "./conditions.ts";
import { filtersOf } from "./filters.ts";
import { ENTITIES } from "./kept.ts";
import type { Mem0ApiOptions } from "./options.ts";

/** Side by side, so that they share their way to the disk. */
const AT_ONCE = 64;
const MOST_IN_BATCH = 1_000;

const UNKNOWN = `does not narrow a deletion; say ${ENTITIES.join(", ")} or metadata`;

/** Nothing is passed over: what is left out of a deletion makes it larger. */
const scopeSchema = z.object({
  ...ENTITY_FIELDS,
  metadata: objectSchema.refine((given) => Object.keys(given).length > 0, "must say something")
    .optional(),
  // One version writes an object there as its own language does, and so says nothing to us.
  filters: z.never({ error: "cannot be read from a query; send user_id and the like" }).optional(),
  // Clients send these with everything; here they narrow nothing.
  org_id: z.string().optional(),
  project_id: z.string().optional(),
}).catchall(z.undefined({ error: UNKNOWN }));

const batchSchema = z.object({
  memories: z.array(z.object({ memory_id: z.string() })).min(1).max(MOST_IN_BATCH),
});

export function deletingRoutes(options: Mem0ApiOptions): readonly Mem0Route[] {
  const { brain } = options;
  return [
    {
      method: "DELETE",
      path: "/v1/memories/:id",
      scope: "write",
      async answer(asked) {
        await brain.memories.delete(idOf(asked), () => true);
        return json(200, { message: "Memory deleted successfully!" });
      },
    },
    {
      method: "DELETE",
      path: "/v1/memories",
      scope: "write",
      async answer(asked) {
        await deleteAll(brain, testOf(queryOf(scopeSchema, asked)));
        return json(200, { message: "Memories deleted successfully!" });
      },
    },
    {
      method: "DELETE",
      path: "/v1/batch",
      scope: "write",
      async answer(asked) {
        const { memories } = await bodyOf(batchSchema, asked, options);
        const ids = [...new Set(memories.map(({ memory_id }) => knownId(memory_id)))];
        // Looked at first: of a list with a slip in it nothing is deleted.
        for (const id of ids) brain.memories.peek(id);
        await deleteEach(brain, ids);
        return json(200, { message: `Successfully deleted ${ids.length} memories` });
      },
    },
  ];
}

/** Never everything: what is of nobody was not made by these clients. */
function testOf(given: z.infer<typeof scopeSchema>): Test {
  const named = ENTITIES.flatMap((name) => {
    const value = given[name];
    return value === null || value === undefined ? [] : [{ [name]: value }];
  });
  if (named.length === 0) {
    throw new AppError(
      "invalid",
      `Cannot delete memories: say whose, by ${ENTITIES.join(", ")}; "*" is anybody's`,
    );
  }
  // "Of anybody" said of several is of any of them: that of all four is how all there is is deleted.
  const isAnybody = named.length > 1 && named.every((one) => Object.values(one)[0] === "*");
  const { metadata } = given;
  return filtersOf({ [isAnybody ? "OR" : "AND"]: named }, metadata ? { metadata } : {}).test;
}

/** What breaks off is gone on with by the same request. */
export async function deleteAll(brain: Brain, test: Test): Promise<void> {
  const all = await brain.listing.select(test);
  await deleteEach(brain, all.map(({ id }) => id), test);
}

/** Of the ids, those that are there; with a test, those for which it still holds by then. */
export async function deleteEach(
  { memories }: Brain,
  ids: readonly string[],
  test: Test = () => true,
): Promise<void> {
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    await Promise.all(
      ids.slice(at, at + AT_ONCE).map(async (id) => {
        try {
          await memories.delete(id, test);
        } catch (error) {
          if (!(error instanceof AppError && FASTER.includes(error.code))) throw error;
        }
      }),
    );
  }
}

/** Somebody else has deleted it, or made it another's. */
const FASTER: readonly ErrorCode[] = ["not_found", "precondition_failed"];
