/**
 * Two stores as people write them in an afternoon, run by Node to be compared with:
 *
 *     plain_store.mjs atomic FILE PACKAGES   all items as one JSON file, by `write-file-atomic`
 *     plain_store.mjs append FILE            a line an item, appended, never synced
 *
 * A line of JSON in, `{id, item}` or `{id}` to read them all; a line out when it is done.
 */
import { appendFile, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [kind, file, packages] = process.argv.slice(2);

async function load() {
  try {
    const text = await readFile(file, "utf8");
    if (kind === "atomic") return JSON.parse(text);
    return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

const items = await load();
const writeFileAtomic = kind === "atomic"
  ? createRequire(`${packages}/`)("write-file-atomic")
  : undefined;

async function add(item) {
  items.push(item);
  if (writeFileAtomic !== undefined) await writeFileAtomic(file, JSON.stringify(items));
  else await appendFile(file, `${JSON.stringify(item)}\n`);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, item } = JSON.parse(line);
  if (item === undefined) console.log(JSON.stringify({ id, items }));
  else add(item).then(() => console.log(JSON.stringify({ id })));
}
