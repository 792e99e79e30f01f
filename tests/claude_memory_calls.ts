/** Calls of Claude's memory tool by chance, on few paths and few texts, so that they meet. */
import type { Json } from "./http_app.ts";
import { below } from "./fakes/store_kit.ts";

type Random = () => number;

const NAMES = ["a", "a.md", "a-b", "B", ".hidden", "node_modules", "ü 🙂"];
const TEXTS = ["", "\n", " \t", "\r\n", "text", "ümläut 🙂", "(empty file)", "x".repeat(1024)];

function pick<T>(random: Random, all: readonly T[]): T {
  const one = all[below(random, all.length)];
  if (one === undefined) throw new RangeError("Cannot pick: there is nothing");
  return one;
}

function anyPath(random: Random): string {
  const depth = random() < 0.03 ? 0 : 1 + below(random, random() < 0.3 ? 4 : 2);
  return ["/memories", ...Array.from({ length: depth }, () => pick(random, NAMES))].join("/");
}

/**
 * Some lines of marks such as `<7>`, of which no line has one twice: where one is there several
 * times, its places are told apart by their lines.
 */
export function anyText(random: Random): string {
  if (random() < 0.2) return pick(random, TEXTS);
  const lines = Array.from({ length: 1 + below(random, 4) }, () => {
    const marks = Array.from({ length: below(random, 4) }, () => `<${below(random, 9)}>`);
    return [...new Set(marks)].join(" ");
  });
  return lines.join(random() < 0.1 ? "\r\n" : "\n") + pick(random, ["", "\n", "\n\n"]);
}

let marks = 1_000;

/**
 * Of `known` files or of any. `hasParts`: also replaces what is several lines, or several times in
 * one.
 */
export function anyCall(random: Random, known: readonly string[], hasParts: boolean): Json {
  const path = known.length > 0 && random() < 0.6 ? pick(random, known) : anyPath(random);
  const kind = random();
  if (kind < 0.3) return { command: "create", path: anyPath(random), file_text: anyText(random) };
  if (kind < 0.5) {
    const first = below(random, 6);
    const range = pick(random, [[first, -1], [first, first + below(random, 4)], [2, 1]]);
    return { command: "view", path, ...(random() < 0.4 && { view_range: range }) };
  }
  if (kind < 0.7) {
    const old_str = random() < 0.9 ? `<${below(random, 9)}>` : `<${below(random, marks)}>`;
    const parts = ["\n", "> <", "\n<", "text", "🙂"];
    const isPart = hasParts && random() < 0.4;
    // What takes its place is nowhere else.
    const new_str = pick(random, [`<${marks++}>`, `\n<${marks++}>\n`, ""]);
    return {
      command: "str_replace",
      path,
      old_str: isPart ? pick(random, parts) : old_str,
      new_str,
    };
  }
  if (kind < 0.8) {
    const insert_text = pick(random, [anyText(random), `<${marks++}>\n`]);
    return { command: "insert", path, insert_line: below(random, 7) - 1, insert_text };
  }
  if (kind < 0.87) return { command: "delete", path };
  return { command: "rename", old_path: path, new_path: anyPath(random) };
}
