/**
 * What a chat model answers, as the list that it was asked for. Models tend to put a fence, their
 * thoughts or a word around it; what in the list is no fact is left out.
 */
import { z } from "zod";
import { WRITABLE } from "../memory.ts";

const replySchema = z.object({ memories: z.array(z.unknown()) });

/** Half of a surrogate pair would make a memory that no import takes back. */
const textSchema = z.string().transform((text) => text.toWellFormed().trim())
  .pipe(WRITABLE.content);

const factSchema = z.union([
  textSchema.transform((text) => ({ text, categories: [] })),
  z.object({
    text: textSchema,
    categories: z.array(z.string()).nullish().catch([]).transform((names) => names ?? []),
  }),
]);

type GivenFact = z.infer<typeof factSchema>;

/** Where it begins; thoughts may hold a draft of it, and what is quoted in it does not look so. */
const BEGINNING = /\{\s*"memories"/g;
const MOST_TRIED = 5;

/** At most so many; undefined where there is no such list, or nothing in it is a fact. */
export function factsIn(answer: string, most: number): readonly GivenFact[] | undefined {
  for (const text of candidates(answer)) {
    const reply = replySchema.safeParse(jsonOf(text));
    if (!reply.success) continue;
    const given = reply.data.memories.slice(0, most);
    const facts = given.flatMap((item) => factSchema.safeParse(item).data ?? []);
    if (facts.length > 0 || given.length === 0) return facts;
  }
  return undefined;
}

/** The most likely first. */
function* candidates(answer: string): Generator<string> {
  yield answer.slice(answer.indexOf("{"), answer.lastIndexOf("}") + 1);
  const beginnings = [...answer.matchAll(BEGINNING)].map(({ index }) => index);
  for (const from of beginnings.slice(-MOST_TRIED).reverse()) yield objectFrom(answer, from);
}

/** As far as its braces are in balance; those in strings do not count. */
function objectFrom(text: string, from: number): string {
  const part = /[{}]|"(?:[^"\\]|\\.)*"/gs;
  part.lastIndex = from;
  let depth = 0;
  for (let found = part.exec(text); found !== null; found = part.exec(text)) {
    if (found[0] === "{") depth++;
    else if (found[0] === "}") depth--;
    if (depth === 0) return text.slice(from, part.lastIndex);
  }
  return "";
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
