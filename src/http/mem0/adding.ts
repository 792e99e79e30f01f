/**
 * Adds memories of mem0's: each message as it stands, or, where a chat model is set, what that finds
 * worth keeping in all of them. Either way it is done when it is answered; there is nothing to wait
 * for, also where the client asks what became of it.
 */
import { z } from "zod";
import type { Brain } from "../../brain.ts";
import { timestamp } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Extraction, Fact } from "../../extraction.ts";
import type { NewMemory } from "../../memories.ts";
import { type Memory, WRITABLE } from "../../memory.ts";
import { paced } from "../../pace.ts";
import { json } from "../route.ts";
import {
  type Asked,
  bodyOf,
  checked,
  type Mem0Route,
  objectSchema,
  OWNER_FIELDS,
} from "./asked.ts";
import { deleteEach } from "./deleting.ts";
import { RecentEvents } from "./events.ts";
import { ownersIn } from "./filters.ts";
import { ENTITIES, type Kept, metadataOf } from "./kept.ts";
import { messagesSchema } from "./messages.ts";
import type { Mem0ApiOptions } from "./options.ts";
import { addedView } from "./view.ts";

const LONGEST_INSTRUCTIONS = 10_000;
const MOST_CATEGORIES = 100;

/** Of a date that has a time the day counts. */
export const dateSchema = z.string().regex(/^\d{4}-\d\d-\d\d/, "must be such as 2026-01-31")
  .transform((text) => text.slice(0, 10)).pipe(z.iso.date());

const instructionsSchema = z.string().max(LONGEST_INSTRUCTIONS).nullish();

const addSchema = z.object({
  ...OWNER_FIELDS,
  messages: messagesSchema,
  filters: objectSchema.nullish(),
  metadata: objectSchema.nullish(),
  infer: z.boolean().nullish(),
  timestamp: z.number().nullish(),
  expiration_date: dateSchema.nullish(),
  custom_instructions: instructionsSchema,
  agent_custom_instructions: instructionsSchema,
  includes: instructionsSchema,
  excludes: instructionsSchema,
  custom_categories: z.array(z.record(z.string(), z.string())).max(MOST_CATEGORIES).nullish(),
  enable_graph: z.literal(false, {
    error: "cannot be: memories here have no graph; leave it out",
  }).nullish(),
  output_format: z.string().nullish(),
});

type Given = z.infer<typeof addSchema>;

const STORED = "Memories stored successfully";
const VERBATIM = "Memories stored as they are: no chat model is set here (CHAT_MODEL)";

export function addingRoutes(options: Mem0ApiOptions): readonly Mem0Route[] {
  const events = new RecentEvents();
  return [
    {
      method: "POST",
      path: "/v1/memories",
      scope: "write",
      async answer(asked) {
        const { added, given } = await add(options, asked);
        const results = added.map(addedView);
        return json(200, given.output_format === "v1.1" ? { results } : results);
      },
    },
    {
      method: "POST",
      path: "/v3/memories/add",
      scope: "write",
      async answer(asked) {
        const { added, message } = await add(options, asked);
        const results = added.map(addedView);
        const event_id = options.newId(), memoryIds = added.map(({ id }) => id);
        events.keep({ id: event_id, at: timestamp(options.clock), memoryIds });
        return json(200, { message, status: "SUCCEEDED", event_id, results });
      },
    },
    {
      method: "GET",
      path: "/v1/event/:id",
      scope: "read",
      answer: ({ params }) => json(200, events.view(params["id"] ?? "", options.brain)),
    },
  ];
}

async function add(options: Mem0ApiOptions, asked: Asked) {
  const given = await bodyOf(addSchema, asked, options);
  const { extraction } = options;
  if (given.infer === true && extraction === undefined) {
    throw new AppError(
      "invalid",
      "Cannot draw memories out of the conversation: no chat model is set here (CHAT_MODEL); " +
        "send infer false to keep the messages as they are",
    );
  }
  const common = commonOf(given);
  if (extraction !== undefined && given.infer !== false) {
    const facts = await extracted(options, given, common, extraction, asked.request.signal);
    const added = await createAll(options.brain, facts.map((fact) => newMemory(common, fact)));
    return { given, added, message: STORED };
  }
  const inputs = await paced(
    given.messages,
    ({ content, role }) => newMemory(common, { text: content, tags: [] }, role),
  );
  const added = await createAll(options.brain, inputs);
  return { given, added, message: given.infer === false ? STORED : VERBATIM };
}

/** All or none, as far as there is a disk to write to. */
async function createAll(brain: Brain, inputs: readonly NewMemory[]): Promise<readonly Memory[]> {
  const added: Memory[] = [];
  try {
    // One after the other: their ids keep the order in which they were said.
    for (const input of inputs) added.push((await brain.memories.create(input)).memory);
    return added;
  } catch (error) {
    // Where this fails as well, the first reason is the one to tell.
    await Promise.allSettled([deleteEach(brain, added.map(({ id }) => id))]);
    throw error;
  }
}

async function extracted(
  { clock }: Mem0ApiOptions,
  given: Given,
  { entities, categories, at }: Common,
  extraction: Extraction,
  signal: AbortSignal,
): Promise<readonly Fact[]> {
  const { custom_instructions, agent_custom_instructions, includes, excludes } = given;
  const wishes = [
    custom_instructions,
    agent_custom_instructions,
    includes && `Only what is about: ${includes}`,
    excludes && `Nothing about: ${excludes}`,
  ].filter((wish) => wish);
  return await extraction.run({
    turns: given.messages,
    filter: Object.keys(entities).length > 0 ? { metadata: entities } : {},
    at: at ?? timestamp(clock),
    ...(wishes.length > 0 && { instructions: wishes.join("\n") }),
    ...(categories.size > 0 && { categories }),
  }, signal);
}

/** What all memories of one request have, worked out once, and before a chat model is asked. */
interface Common {
  readonly entities: Kept["entities"];
  readonly at: string | undefined;
  /** By name, what may become a tag. */
  readonly categories: ReadonlyMap<string, string>;
  /** Who said it matters where it was not the person. */
  readonly metadata: (role?: string) => Memory["metadata"];
}

function commonOf(given: Given): Common {
  const named = ENTITIES.flatMap((name) => given[name] ? [[name, given[name]]] : []);
  // Newer clients say whose it is by a filter.
  const owners = checked(z.object(OWNER_FIELDS), ownersIn(given.filters ?? {}));
  const entities: Kept["entities"] = { ...owners, ...Object.fromEntries(named) };
  const expirationDate = given.expiration_date ?? undefined;
  const byRole = new Map<string, Memory["metadata"]>();
  const metadata = (role = "user") => {
    const own = { ...(role !== "user" && { role }), ...given.metadata };
    const known = byRole.get(role) ?? metadataWithin({ entities, expirationDate, metadata: own });
    byRole.set(role, known);
    return known;
  };
  metadata();
  return { entities, at: createdAt(given), categories: categoriesOf(given), metadata };
}

/** Throws `invalid` for what cannot be a tag. */
function categoriesOf({ custom_categories }: Given): Common["categories"] {
  const all = custom_categories?.flatMap((one) => Object.entries(one)) ?? [];
  const categories = new Map(all.map(([name, meaning]) => [name.trim(), meaning]));
  const schema = z.object({ custom_categories: WRITABLE.tags });
  checked(schema, { custom_categories: [...categories.keys()] });
  return categories;
}

function newMemory({ at, metadata }: Common, { text, tags }: Fact, role?: string): NewMemory {
  return {
    content: checked(z.object({ content: WRITABLE.content }), { content: text }).content,
    tags,
    metadata: metadata(role),
    ...(at !== undefined && { created_at: at }),
  };
}

/** Throws `invalid` where it is larger than metadata may be. */
export function metadataWithin(kept: Kept): Memory["metadata"] {
  return checked(z.object({ metadata: WRITABLE.metadata }), { metadata: metadataOf(kept) })
    .metadata;
}

/** In seconds since 1970. */
function createdAt({ timestamp: seconds }: Given): string | undefined {
  if (seconds === null || seconds === undefined) return undefined;
  const at = new Date(seconds * 1000);
  // A program that counts milliseconds means another year than it says.
  if (!Number.isNaN(at.getTime()) && at.getTime() >= 0 && at.getUTCFullYear() < 3000) {
    return at.toISOString();
  }
  throw new AppError("invalid", "Cannot add memories: the timestamp must be in seconds since 1970");
}
