/**
 * The forms that other programs keep memories in, and what becomes of them on the way in and out.
 * Pure: files come as bytes, and go as text; where they lie is the command line's to know.
 */
export { fromMarkdown, fromObsidian } from "./formats/notes.ts";
export { toMarkdown } from "./formats/markdown.ts";
