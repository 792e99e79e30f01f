/** The messages of a conversation, in the several ways in which mem0's clients send them. */
import { z } from "zod";
import type { Turn } from "../../extraction.ts";

const MOST_MESSAGES = 1_000;
const ONLY_TEXT = "must be text: images and documents cannot be kept here";

const partSchema = z.object({ type: z.literal("text"), text: z.string() }, { error: ONLY_TEXT })
  .transform(({ text }) => text);
const partsSchema = z.array(z.union([z.string(), partSchema], { error: ONLY_TEXT }))
  .transform((parts) => parts.join("\n"));

const messageSchema = z.object({
  role: z.string().max(64).default("user"),
  content: z.union([z.string(), partSchema, partsSchema], { error: ONLY_TEXT }).nullish()
    .transform((text) => text ?? ""),
}, { error: "must be a message: a role and a content" });

/**
 * A text alone is what the user says. What says nothing, such as a call of a tool, is left out, and
 * so is what a program tells its model.
 */
export const messagesSchema = z.preprocess(listed, z.array(messageSchema).max(MOST_MESSAGES))
  .transform((messages): readonly Turn[] =>
    messages.filter(({ role, content }) => role !== "system" && /\S/.test(content))
  )
  .refine((turns) => turns.length > 0, "must say something, beside a system prompt");

function listed(messages: unknown): unknown {
  if (typeof messages === "string") return [{ role: "user", content: messages }];
  return Array.isArray(messages) ? messages : [messages];
}
