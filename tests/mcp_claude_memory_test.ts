/** Claude's memory tool as its documentation has it. */
import assert from "node:assert/strict";
import { A, create, textAt, view, withMemory } from "./claude_memory_kit.ts";
import type { Json } from "./http_app.ts";

/** A conversation as the documentation shows it: what is asked, and the whole answer. */
const CONVERSATION: readonly (readonly [Json, Json])[] = [
  [
    view("/memories"),
    "Here're the files and directories up to 2 levels deep in /memories, excluding hidden items " +
    "and node_modules:\n0B\t/memories",
  ],
  [
    create("/memories/notes.txt", "Hello World\nThis is line two\n"),
    "File created successfully at: /memories/notes.txt",
  ],
  [
    view("/memories/notes.txt"),
    "Here's the content of /memories/notes.txt with line numbers:\n" +
    "     1\tHello World\n     2\tThis is line two\n     3\t",
  ],
  [
    view("/memories/notes.txt", [2, 2]),
    "Here's the content of /memories/notes.txt with line numbers:\n     2\tThis is line two",
  ],
  [
    { command: "str_replace", path: "/memories/notes.txt", old_str: "line two", new_str: "it" },
    "The memory file has been edited. Here is the snippet showing the change (with line " +
    "numbers):\n     1\tHello World\n     2\tThis is it\n     3\t",
  ],
  [
    { command: "insert", path: "/memories/notes.txt", insert_line: 1, insert_text: "Between\n" },
    "The file /memories/notes.txt has been edited.",
  ],
  [
    create("/memories/work/2026/plan.md", "x".repeat(1024)),
    "File created successfully at: /memories/work/2026/plan.md",
  ],
  [
    view("/memories/"),
    "Here're the files and directories up to 2 levels deep in /memories, excluding hidden items " +
    "and node_modules:\n1.0K\t/memories\n31B\t/memories/notes.txt\n1K\t/memories/work/\n" +
    "1K\t/memories/work/2026/",
  ],
  [
    { command: "rename", old_path: "/memories/work/2026", new_path: "/memories/done/26" },
    "Successfully renamed /memories/work/2026 to /memories/done/26",
  ],
  [{ command: "delete", path: "/memories/done" }, "Successfully deleted /memories/done"],
  [
    view("/memories"),
    "Here're the files and directories up to 2 levels deep in /memories, excluding hidden items " +
    "and node_modules:\n31B\t/memories\n31B\t/memories/notes.txt",
  ],
  [
    view("/memories/notes.txt"),
    "Here's the content of /memories/notes.txt with line numbers:\n" +
    "     1\tHello World\n     2\tBetween\n     3\tThis is it\n     4\t",
  ],
];

Deno.test("a conversation goes as the documentation of the tool shows it", async () => {
  await withMemory(async (memory) => {
    for (const [asked, answer] of CONVERSATION) assert.deepEqual(await memory(asked), answer);
  });
});

/** What fails in a directory with the file "x\nx\n" at `A`, in the documentation's own words. */
const FAILURES: readonly (readonly [Json, string])[] = [
  [view("/memories/b"), "The path /memories/b does not exist. Please provide a valid path."],
  [view(`${A}/b`), `The path ${A}/b does not exist. Please provide a valid path.`],
  [create(A, "y"), `Error: File ${A} already exists`],
  [create("/memories", "y"), "Error: File /memories already exists"],
  [create(`${A}/b`, "y"), `Error: The path ${A} is a file, not a directory`],
  [
    { command: "str_replace", path: "/memories/b", old_str: "x", new_str: "y" },
    "Error: The path /memories/b does not exist. Please provide a valid path.",
  ],
  [
    { command: "str_replace", path: A, old_str: "z", new_str: "y" },
    `No replacement was performed, old_str \`z\` did not appear verbatim in ${A}.`,
  ],
  [
    { command: "str_replace", path: A, old_str: "x", new_str: "y" },
    "No replacement was performed. Multiple occurrences of old_str `x` in lines: 1, 2. Please " +
    "ensure it is unique",
  ],
  [
    { command: "insert", path: "/memories", insert_line: 0, insert_text: "y" },
    "Error: The path /memories does not exist",
  ],
  ...[-1, 4].map((insert_line): readonly [Json, string] => [
    { command: "insert", path: A, insert_line, insert_text: "y" },
    `Error: Invalid \`insert_line\` parameter: ${insert_line}. It should be within the range of ` +
    "lines of the file: [0, 3]",
  ]),
  [{ command: "delete", path: "/memories/b" }, "Error: The path /memories/b does not exist"],
  [{ command: "delete", path: "/memories" }, "Error: Cannot delete the /memories directory itself"],
  [
    { command: "rename", old_path: "/memories/b", new_path: "/memories/c" },
    "Error: The path /memories/b does not exist",
  ],
  [
    { command: "rename", old_path: "/memories/b", new_path: A },
    `Error: The destination ${A} already exists`,
  ],
  [
    { command: "rename", old_path: "/memories", new_path: "/memories/b" },
    "Error: Cannot rename the /memories directory itself",
  ],
  [{ command: "rename", old_path: A, new_path: `${A}/b` }, `Error: Cannot move ${A} into itself`],
  [{}, "Error: Parameter `command`: use one of view, create, str_replace, insert, delete, rename"],
  [
    { command: "undo", path: A },
    "Error: Parameter `command`: use one of view, create, str_replace, insert, delete, rename",
  ],
  [
    { command: "create", path: "/memories/b", content: "y" },
    "Error: create takes path, file_text and nothing else",
  ],
  [
    { command: "create", path: "/memories/b" },
    "Error: Parameter `file_text` of create: Invalid input: expected string, received undefined",
  ],
  [
    { command: "str_replace", path: A, old_str: "", new_str: "y" },
    "Error: Parameter `old_str` of str_replace: must not be empty; use insert to add text",
  ],
  [
    { command: "view", path: A, view_range: [1] },
    "Error: Parameter `view_range` of view: Too small: expected array to have >=2 items",
  ],
];

Deno.test("what fails says so in the words of the documentation, and changes nothing", async () => {
  await withMemory(async (memory, app) => {
    await memory(create(A, "x\nx\n"));
    const before = await app.done(200, "GET", "/memories");
    for (const [asked, error] of FAILURES) {
      assert.deepEqual(await memory(asked), { error }, JSON.stringify(asked));
    }
    assert.deepEqual(await app.done(200, "GET", "/memories"), before);
  });
});

const OUTSIDE = [
  "/etc/passwd",
  "memories/a",
  "/memoriesx/a",
  "/memories/../a",
  "/memories/a/../b",
  "/memories/..",
  "/memories/..\\a",
  "/memories/%2e%2e/a",
  "/memories/a%2F..%5cb",
  "/memories/.%2E/a",
  "/memories/a\0b",
  "/memories/a\nb",
  `/memories/${"a".repeat(1_000)}`,
  "",
];

Deno.test("no path leads anywhere else, however it is written", async () => {
  await withMemory(async (memory, app) => {
    await memory(create("/memories/in", "x"));
    for (const path of OUTSIDE) {
      const calls = [
        view(path),
        create(path, "y"),
        { command: "str_replace", path, old_str: "x", new_str: "y" },
        { command: "insert", path, insert_line: 0, insert_text: "y" },
        { command: "delete", path },
        { command: "rename", old_path: path, new_path: "/memories/b" },
        { command: "rename", old_path: "/memories/in", new_path: path },
      ];
      for (const asked of calls) {
        const { error } = await memory(asked);
        assert.match(error, /^Error: (?:The path |Path )/, JSON.stringify(asked));
      }
    }
    const { memories } = await app.done(200, "GET", "/memories");
    assert.deepEqual(memories.map(({ metadata }: Json) => metadata.filename), ["/memories/in"]);
  });
});

Deno.test("a path is the same however many slashes and dots it is written with", async () => {
  await withMemory(async (memory) => {
    await memory(create("/memories//a/./b.md/", "text"));
    assert.equal(await textAt(memory, "/memories/a/b.md"), "text");
    assert.deepEqual(await memory(create("/memories/a//b.md", "y")), {
      error: "Error: File /memories/a/b.md already exists",
    });
  });
});
