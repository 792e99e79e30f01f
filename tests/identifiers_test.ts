/**
 * The bar for what is not quite a word: identifiers, paths, versions, addresses, numbers, dates and
 * amounts are found whole and in parts, however they are written, and the exact one comes first.
 */
import assert from "node:assert/strict";
import type { JsonObject } from "../src/json.ts";
import { Bm25Index } from "../src/text_index/bm25.ts";
import { noted } from "./noted.ts";

/** A note, and questions that it is the first answer to. */
const NOTES: readonly (readonly string[])[] = [
  [
    "parseUserRecord throws on empty input.",
    "parseUserRecord",
    "parseuserrecord",
    "PARSE_USER_RECORD",
  ],
  [
    "parse_user_list is slow for guests.",
    "parse_user_list",
    "parseUserList",
    "parse-user-list",
    "user list",
  ],
  ["The record of users is kept by Mona.", "record Mona"],
  [
    "See src/users/parse_record.ts line 40.",
    "src/users/parse_record.ts",
    "parse_record.ts",
  ],
  [
    "Upgraded libfoo to v2.9.6 after the crash.",
    "2.9.6",
    "v2.9.6",
    "libfoo 2.9.6",
    "version 2.9.6",
  ],
  ["libfoo 2.9.60 is not out yet.", "2.9.60", "V2.9.60"],
  ["Ticket ABC-1234 blocks the release.", "ABC-1234", "abc-1234", "abc1234", "ABC 1234"],
  ["Ticket ABC-1235 is done.", "ABC-1235", "ABC_1235", "ticket 1235"],
  ["Fixed in issue #42 of the parser.", "#42", "issue 42"],
  ["Write to ops@example.net about backups.", "ops@example.net", "OPS@EXAMPLE.NET", "ops example"],
  [
    "Docs: https://example.org/guide/setup?lang=en#top",
    "https://example.org/guide/setup?lang=en",
    "example.org/guide",
    "setup guide",
  ],
  ["Commit a3f5c9e broke the build.", "a3f5c9e", "A3F5C9E"],
  ["Call Ravi at 555-123-4567 after six.", "555-123-4567", "5551234567", "555.123.4567"],
  ["Learning C++ and a bit of C# this year.", "C++", "c#", "C++ C#"],
  ["F# meetup moved; .NET talk by Ines.", "F#", ".NET", "f#"],
  [
    "The lease ends on 22.11.2026, tell Omar.",
    "2026-11-22",
    "22.11.2026",
    "22/11/2026",
    "11/22/2026",
    "2026/11/22",
  ],
  ["The lease ended in 2025-11-21 for the shed.", "21.11.2025", "2025-11-21"],
  ["Bought 5kg of flour and 250 ml of cream.", "5 kg flour", "5kg", "250ml cream"],
  ["The sofa costs 1,250 euros, the lamp 12.90.", "1250 euros", "1.250", "1'250", "12.90", "12,90"],
  ["Revenue was 1.250.000 last year.", "1250000", "1,250,000", "1.250.000"],
  ["The iPhone15 is in the drawer, the iPad at work.", "iphone 15", "iPhone15", "IPHONE15"],
  ["Room12 has the projector.", "room 12", "room12"],
  ["The e-mail server runs foo-bar-baz.", "email server", "foobarbaz", "fooBarBaz", "foo_bar_baz"],
];

Deno.test("identifiers and numbers are found whole and in parts, the exact one first", () => {
  const index = new Bm25Index();
  NOTES.forEach(([note = ""], at) => index.put(noted(`${at}`, note)));
  const missed = NOTES.flatMap(([, ...questions], at) =>
    questions.flatMap((text) => {
      const [first] = index.search({ text, limit: 1 }).hits;
      return first?.id === `${at}` ? [] : [`${text} -> ${first && NOTES[Number(first.id)]?.[0]}`];
    })
  );
  assert.deepEqual(missed, []);
});

Deno.test("what only looks alike is not the same", () => {
  const index = new Bm25Index();
  ["Score 3-5 in the derby.", "35 people came.", "Ratio 1/2 of sand.", "Item 12 is gone."]
    .forEach((note, at) => index.put(noted(`${at}`, note)));
  const found = (text: string) => index.search({ text, limit: 9 }).hits.map(({ id }) => id);
  assert.deepEqual(found("35"), ["1"]);
  assert.deepEqual(found("12"), ["3"]);
  assert.deepEqual(found("3-5"), ["0"]);
  assert.deepEqual(found("99.99.2026 31/31/2026"), []);
});

Deno.test("what metadata say of who, what and where is searched; ids, dates and kinds are not", () => {
  const index = new Bm25Index();
  const memories: JsonObject[] = [
    { people: ["Ngozi", "Ravi", 7, null, ["Zoe"]] },
    { subject: "Boat insurance", name: { first: "Omar" } },
    { project: "Kestrel", url: "https://wiki.example.org/hulls" },
    { thread_id: "Falcon", source: "phone", due: "2026-11-22", mood: "stormy", id: "a1" },
    { filename: "mast_drawing.pdf", location: "Dunmore" },
    { participants: Array.from({ length: 60 }, (_, at) => `guest${at}x`) },
    { title: "sail ".repeat(500) + "anchor" },
  ];
  memories.forEach((metadata, at) => index.put(noted(`${at}`, "Look into it.", { metadata })));
  const found = (text: string) => index.search({ text, limit: 9 }).hits.map(({ id }) => id).join();
  const table: [string, string][] = [
    ["Ravi", "0"],
    ["ngozi", "0"],
    ["zoe", ""],
    ["insurance for boats", "1"],
    ["Omar", ""],
    ["kestrel", "2"],
    ["wiki.example.org", "2"],
    ["falcon", ""],
    ["phone", ""],
    ["2026-11-22", ""],
    ["stormy", ""],
    ["mast drawings", "4"],
    ["Dunmore", "4"],
    ["guest49x", "5"],
    ["guest50x", ""],
    ["sailing", "6"],
    ["anchor", ""],
  ];
  for (const [text, expected] of table) assert.equal(found(text), expected, text);
});

Deno.test("a memory whose searched metadata change is read again", () => {
  const index = new Bm25Index();
  index.put(noted("m", "Look into it.", { metadata: { people: ["Ngozi"] } }));
  index.put(noted("m", "Look into it.", { metadata: { people: ["Ravi"] } }));
  const total = (text: string) => index.search({ text, limit: 1 }).total;
  assert.deepEqual([total("Ngozi"), total("Ravi")], [0, 1]);
});
