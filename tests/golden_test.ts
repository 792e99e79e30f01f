/**
 * The bar for keyword search: small collections, written for this file, whose expected order says
 * what a person would expect to come first. A change of the ranking that breaks one of these has to
 * argue with it.
 */
import assert from "node:assert/strict";
import type { Memory } from "../src/memory.ts";
import { Bm25Index } from "../src/text_index/bm25.ts";
import { noted } from "./noted.ts";

/** Asks for memories by their place in the list, best first; only the given first places count. */
function expectFirst(
  memories: readonly (string | Memory)[],
  questions: Readonly<Record<string, readonly number[]>>,
): void {
  const index = new Bm25Index();
  memories.forEach((memory, at) =>
    index.put(typeof memory === "string" ? noted(`${at}`, memory) : memory)
  );
  for (const [text, expected] of Object.entries(questions)) {
    const { hits } = index.search({ text, limit: expected.length || 10 });
    assert.deepEqual(hits.map(({ id }) => Number(id)), expected, text);
  }
}

Deno.test("a household's notes are found by a question, not only by their words", () => {
  expectFirst([
    "The boiler was serviced by Mr Okafor, next service due in March 2026.",
    "Wifi password at the cabin: heron-kettle-42",
    "Nadia is allergic to walnuts and cashews.",
    "Decided to build the garden fence from larch boards, 1.40 m high.",
    "The neighbours asked about the fence; they would pay a third.",
    "Larch boards cost 12.90 a metre at the yard in Dunmore.",
    "Nadia likes lemon cake without nuts.",
  ], {
    "what is the wifi password?": [1],
    "What did I decide about the garden fence": [3, 4],
    "when is the boiler service due": [0],
    "who serviced our boilers": [0],
    "what is Nadia allergic to": [2, 6],
    "what do larch boards cost": [5, 3],
  });
});

Deno.test("more of the question's words win over one rare word said often", () => {
  expectFirst([
    "Saxophone, saxophone, saxophone: the saxophone case is blue.",
    "Tom practises the saxophone with his sister on Sundays.",
    "Tom meets his sister on Sundays.",
    "Tom met his sister again.",
  ], { "saxophone practice of Tom with his sister": [1] });
});

Deno.test("who tells comes before who asks", () => {
  expectFirst([
    "Did you ever find your lost umbrella? Where was the umbrella?",
    "I found my umbrella in the tram depot.",
  ], { "umbrella": [1, 0] });
});

Deno.test("a very short note does not win for being short", () => {
  expectFirst([
    "Piano!",
    "The piano tuner Ilse comes on the first of the month and tunes the piano before noon.",
  ], { "piano": [1, 0] });
});

Deno.test("a question for a time prefers memories that say one", () => {
  expectFirst([
    "Priya moved to Leeds with her two cats.",
    "Priya moved to Leeds last October after the exam.",
  ], { "When did Priya move to Leeds?": [1, 0] });
});

Deno.test("a date in the question prefers what was noted then", () => {
  const swim = (id: string, created_at: string) =>
    noted(id, "Swam in the lake with Joe.", { created_at });
  expectFirst([
    swim("0", "2024-05-07T09:00:00.000Z"),
    swim("1", "2024-06-11T09:00:00.000Z"),
    swim("2", "2024-08-30T09:00:00.000Z"),
  ], {
    "swimming in the lake on 7 May 2024": [0, 2, 1],
    "swimming in the lake in June": [1, 2, 0],
    "swimming in the lake 2024-05-07": [0, 2, 1],
    "swimming in the lake": [2, 1, 0],
  });
});

function told(id: string, content: string, thread: string, minute: number): Memory {
  const created_at = `2024-05-01T10:${String(minute).padStart(2, "0")}:00.000Z`;
  return noted(id, content, { created_at, metadata: { thread_id: thread } });
}

Deno.test("an answer is found by the question before it in the same conversation", () => {
  expectFirst([
    told("0", "Which colour did you choose for the kitchen cupboards?", "a", 0),
    told("1", "Sage green, and brass handles.", "a", 1),
    told("2", "We had soup for dinner.", "b", 2),
    told("3", "It rained all day.", "b", 3),
  ], { "colour of the kitchen cupboards": [0, 1] });
});

Deno.test("an answer that shares no word with the question follows who asked it", () => {
  expectFirst([
    told("0", "The cupboards in the kitchen are done, and I am glad of it.", "a", 0),
    told("1", "Lovely! Which colour did you take for the cupboards?", "a", 1),
    told("2", "Sage green, and brass handles.", "a", 2),
    told("3", "We had soup for dinner after that.", "a", 3),
    told("4", "The cupboards are oak.", "b", 4),
    told("5", "It rained all day.", "b", 5),
  ], { "colour of the cupboards": [1, 2] });
});

Deno.test("a question for an amount, a place, a reason or a title prefers what says one", () => {
  expectFirst([
    "Ines keeps hens behind the old barn.",
    "Ines keeps eleven hens behind the old barn.",
    "Our choir sang its summer concert twice over, outdoors.",
    "Our choir sang its summer concert in Bruges, outdoors.",
    "Marek sold the van after the winter, and he was sorry.",
    "Marek sold the van because the gearbox was worn out.",
    "Yusuf read a novel on the ferry and liked it very much.",
    "Yusuf read the novel «The Salt Road» on the ferry.",
    "Ola learned the harp at the music school.",
    "Ola learned the harp for six years at the music school.",
  ], {
    "how many hens does Ines keep": [1, 0],
    "where did our choir sing its summer concert": [3, 2],
    "why did Marek sell the van": [5, 4],
    "which novel did Yusuf read on the ferry": [7, 6],
    "how long did Ola learn the harp": [9, 8],
  });
});

Deno.test("a question about somebody prefers their own words to what is said to them", () => {
  expectFirst([
    "Tove: Petra, was the marathon in Oslo hard on your knees?",
    "Tove: I heard Petra was at the marathon in Oslo.",
    "Petra: I was at the marathon in Oslo with my knees taped.",
    noted("3", "I was at the regatta with Ann, rowing.", { metadata: { speaker: "Ben" } }),
    noted("4", "I was at the regatta with Ben, rowing.", { metadata: { speaker: "Ann" } }),
  ], {
    "was Petra at the marathon in Oslo": [2, 1],
    "was ANN at the regatta": [4, 3],
    "was Ben at the regatta": [3, 4],
  });
});

Deno.test("a misspelt word still finds, in the question as in the memory", () => {
  expectFirst([
    "Booked the restaurant by the harbour for nine.",
    "The recieved parcel is in the shed.",
    "The exhibition was opened by the administrator of the conservatory.",
    "Разговаривали с управляющим о подвале.",
    "Nothing to do with either.",
  ], {
    "restaurnat": [0],
    "restaurants": [0],
    "resturant by the harbor": [0],
    "received": [1],
    "exhibiton": [2],
    "exhibitoin": [2],
    "exihbitions": [2],
    "consrevatory": [2],
    "admimistrator": [2],
    "administratro": [2],
    "уравляющим": [3],
  });
});

Deno.test("a word is found by its other forms, also those that follow no rule, and in either spelling", () => {
  expectFirst([
    "Grandfather bought two mice for the children.",
    "We swam across the bay and flew home.",
    "The neighbours coloured the theatre's programme by hand.",
    "Our analysis of the harbor is done.",
    "Nothing of the sort happened here.",
  ], {
    "did he buy a mouse for the child": [0],
    "who swims": [1],
    "flying": [1],
    "neighbor theater colors": [2],
    "harbours": [3],
  });
});

Deno.test("identifiers, versions, paths and addresses are found whole and in parts", () => {
  expectFirst([
    "Upgraded libfoo to v2.9.6 because of the crash.",
    "libfoo 2.9.60 is not out yet.",
    "parseUserRecord throws on empty input; see src/users/parse_record.ts",
    "Write to ops@example.net about ticket ABC-1234.",
    "The user asked for a record of the meeting.",
  ], {
    "2.9.6": [0],
    "v2.9.60": [1],
    "parseUserRecord": [2],
    "parseuserrecord": [2],
    "parse_record.ts": [2],
    "ops@example.net": [3],
    "abc-1234": [3],
    "user record": [2, 4],
  });
});

Deno.test("tags, authors, speakers and titles count as part of the text", () => {
  expectFirst([
    noted("0", "Remember the blue folder.", { tags: ["taxes"] }),
    noted("1", "Remember the green folder.", { metadata: { author: "Ngozi" } }),
    noted("2", "Remember the red folder.", { metadata: { title: "Insurance claim" } }),
    noted("3", "Remember the white folder.", { metadata: { speaker: "Ravi", mood: "taxing" } }),
  ], {
    "taxes folder": [0],
    "which folder did Ngozi mean": [1],
    "insurance": [2],
    "Ravi": [3],
    "mood": [],
  });
});

Deno.test("a question of nothing but stopwords still finds", () => {
  expectFirst([
    "To be, or not to be, that is the question.",
    "Who are you? I am the lighthouse keeper.",
    "Bought milk.",
  ], { "to be or not to be": [0], "who are you": [1] });
});

Deno.test("other languages and scripts are found", () => {
  expectFirst([
    "Die Tür zum Keller klemmt, Öl besorgen.",
    "Le café près de la gare ferme à six heures.",
    "昨日、東京タワーに行きました。",
    "我喜欢喝绿茶，不喜欢咖啡。",
    "고양이는 창가에서 잔다.",
    "แมวชอบนอนบนโซฟา",
    "Ключ от дачи лежит под ковриком.",
    "मेरी बिल्ली सोफे पर सोती है",
    "مفتاح البيت تحت السجادة",
    "המפתח מתחת לשטיח",
    "El médico cambió la cita al jueves.",
  ], {
    "tur keller": [0],
    "Tür": [0],
    "cafe gare": [1],
    "東京タワー": [2],
    "塔": [],
    "茶": [3],
    "绿茶": [3],
    "고양이": [4],
    "แมว": [5],
    "ключ": [6],
    "बिल्ली": [7],
    "مفتاح": [8],
    "מפתח": [9],
    "המפתח": [9],
    "medico jueves": [10],
  });
});
