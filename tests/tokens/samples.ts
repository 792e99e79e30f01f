/**
 * Texts of the kinds that a memory may hold, written for these tests, and how many tokens each takes
 * of that of two vocabularies (cl100k, o200k) which takes more: `measure.ts` sees that it is so.
 */
import { LANGUAGES } from "./languages.ts";

export interface Sample {
  readonly text: string;
  readonly tokens: number;
}

export const SAMPLES: Readonly<Record<string, readonly Sample[]>> = {
  ...LANGUAGES,
  english: [
    {
      text:
        "We agreed on cedar posts for the garden fence, because pine rots within five years here.",
      tokens: 19,
    },
    {
      text:
        "Hey! Long time no see. How was the trip to the coast with your sister? Any photos to share?",
      tokens: 23,
    },
    {
      text:
        "Caroline: I finally finished the pottery class yesterday, and the blue bowl came out perfectly!",
      tokens: 19,
    },
    {
      text:
        "The insurance renews on March 3, 2027; the policy number is 4471-0098-B and it costs $412.50.",
      tokens: 32,
    },
    {
      text:
        "Remember that Dr. Okonkwo prefers appointments before noon and dislikes long email threads.",
      tokens: 18,
    },
    {
      text:
        "Phosphorylation of the receptor's cytoplasmic domain recruits adaptor proteins; immunoprecipitation showed heterodimerization in hepatocytes (p < 0.001), whereas fibroblasts were unaffected.",
      tokens: 46,
    },
    {
      text: "He's been told they'd've come if we weren't so late, but it's what it is, isn't it?",
      tokens: 26,
    },
  ],
  german: [
    {
      text:
        "Der Gartenzaun bekommt Pfosten aus Zedernholz, weil Kiefer hier nach wenigen Jahren verfault.",
      tokens: 27,
    },
    {
      text:
        "Die Krankenversicherungskarte liegt in der obersten Schublade, gleich neben den Ersatzschlüsseln.",
      tokens: 29,
    },
    {
      text:
        "Übermorgen müssen wir die Straßenbahnhaltestelle früher verlassen, sonst schließt das Geschäft.",
      tokens: 27,
    },
    {
      text:
        "Rechtsschutzversicherungsgesellschaften übernehmen Geschwindigkeitsüberschreitungen grundsätzlich nicht.",
      tokens: 30,
    },
  ],
  romance: [
    {
      text:
        "Mañana llamaré al fontanero porque el grifo de la cocina gotea desde el domingo pasado.",
      tokens: 24,
    },
    {
      text:
        "Nous avons réservé une chambre près de la gare, avec petit-déjeuner compris et vue sur le lac.",
      tokens: 27,
    },
    {
      text: "A reunião foi adiada para quinta-feira às dez horas, na sala grande do segundo andar.",
      tokens: 24,
    },
  ],
  polish: [
    {
      text:
        "Proszę pamiętać, że klucze do piwnicy wiszą za drzwiami, a żarówka na schodach jest przepalona.",
      tokens: 39,
    },
    {
      text:
        "Ödemeyi cuma gününe kadar yapmamız gerekiyor, yoksa aboneliğimiz kendiliğinden iptal edilecek.",
      tokens: 36,
    },
  ],
  code: [
    {
      text:
        'export async function readLines(path: string): Promise<string[]> {\n  const text = await readFile(path, "utf8");\n  return text.split(/\\r?\\n/).filter((line) => line !== "");\n}\n',
      tokens: 45,
    },
    {
      text:
        "SELECT user_id, COUNT(*) AS visits FROM page_views WHERE seen_at >= NOW() - INTERVAL '7 days' GROUP BY user_id;",
      tokens: 29,
    },
    {
      text:
        "def quicksort(xs):\n    if len(xs) <= 1:\n        return xs\n    pivot, *rest = xs\n    return quicksort([x for x in rest if x < pivot]) + [pivot] + quicksort([x for x in rest if x >= pivot])\n",
      tokens: 59,
    },
    {
      text:
        "for (let i = 0; i < kMaxRetries && !isDone; ++i) { mtx_lock(&g_state->lock); g_state->n_attempts += 1; }",
      tokens: 42,
    },
    {
      text:
        '{"thread_id":"a/b","tags":["x","y"],"score":0.8231,"ok":true,"nested":{"__proto__":null}}',
      tokens: 33,
    },
    {
      text:
        "kubectl -n brain-prod get pods -l app=second-brain -o jsonpath='{.items[*].status.podIP}' | tr ' ' '\\n'",
      tokens: 36,
    },
  ],
  identifiers: [
    { text: "0190a5f0-7c3e-7b21-9d4f-3e8a61c2b5d7", tokens: 32 },
    { text: "2026-01-31T12:00:00.000Z 0190a5f0-7c3e-7b21-9d4f-3e8a61c2b5d8", tokens: 48 },
    { text: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", tokens: 46 },
    { text: "dGhpcyBpcyBub3QgYSBzZWNyZXQsIG9ubHkgc29tZSB0ZXh0IGluIGJhc2U2NA==", tokens: 46 },
    {
      text:
        "+49 30 901820, ISBN 978-3-16-148410-0, v2.14.0-rc.3, 10.0.0.0/8, fe80::1ff:fe23:4567:890a",
      tokens: 57,
    },
    { text: "qwzrtx plkjhg vbnmtz xkcdqw fhgjrt ztrewq", tokens: 23 },
  ],
  chinese: [
    { text: "花园的篱笆要用雪松木桩，因为松木在这里五年之内就会腐烂。", tokens: 40 },
    { text: "明天下午三点和李医生见面，别忘了带上保险卡和上次的检查报告。", tokens: 36 },
    { text: "繁體中文的備忘錄：週末要去龜山買蘿蔔、韭菜與鱸魚。", tokens: 49 },
  ],
  japanese: [
    {
      text: "庭のフェンスには杉の柱を使うことにしました。松だと五年で腐ってしまうからです。",
      tokens: 40,
    },
    { text: "明日の会議はオンラインになったので、資料を先に送っておいてください。", tokens: 31 },
  ],
  korean: [
    {
      text: "정원 울타리에는 삼나무 기둥을 쓰기로 했다. 소나무는 오 년 안에 썩기 때문이다.",
      tokens: 50,
    },
    { text: "내일 오후 세 시에 치과 예약이 있으니 보험증을 꼭 챙겨야 한다.", tokens: 38 },
  ],
  thai: [
    { text: "รั้วสวนจะใช้เสาไม้ซีดาร์ เพราะไม้สนจะผุภายในห้าปี", tokens: 46 },
    { text: "พรุ่งนี้บ่ายสามโมงมีนัดกับหมอฟัน อย่าลืมเอาบัตรประกันไปด้วย", tokens: 56 },
  ],
  cyrillic: [
    {
      text:
        "Для садового забора взяли кедровые столбы, потому что сосна здесь сгнивает за пять лет.",
      tokens: 43,
    },
    { text: "Завтра в три часа приём у стоматолога, не забудь взять страховой полис.", tokens: 37 },
    { text: "Завтра о третій годині зустріч із лікарем, не забудь узяти поліс.", tokens: 38 },
  ],
  greek: [
    {
      text: "Ο φράχτης του κήπου θα γίνει από κέδρο, γιατί το πεύκο σαπίζει μέσα σε πέντε χρόνια.",
      tokens: 72,
    },
  ],
  semitic: [
    { text: "سنستخدم أعمدة من خشب الأرز لسياج الحديقة لأن الصنوبر يتعفن خلال خمس سنوات.", tokens: 53 },
    { text: "גדר הגינה תיבנה מעמודי ארז, כי עץ אורן נרקב כאן בתוך חמש שנים.", tokens: 63 },
  ],
  indic: [
    { text: "बगीचे की बाड़ के लिए देवदार के खंभे लगेंगे, क्योंकि चीड़ पाँच साल में सड़ जाता है।", tokens: 88 },
    { text: "தோட்ட வேலிக்கு தேவதாரு கம்பங்கள் பயன்படுத்தப்படும்.", tokens: 71 },
  ],
  vietnamese: [
    {
      text:
        "Hàng rào vườn sẽ dùng cọc gỗ tuyết tùng, vì gỗ thông ở đây mục nát trong vòng năm năm.",
      tokens: 45,
    },
  ],
  emoji: [
    { text: "Great day at the beach 🏖️🌊☀️ with the kids 👨‍👩‍👧‍👦 and ice cream 🍦🍦!!", tokens: 45 },
    { text: "🎉🎂🥳❤️👍🏽🇩🇪🇯🇵👩🏿‍🚀🤷‍♀️", tokens: 48 },
    { text: "✅ done → ❌ not done … “quoted” — dash • bullet ½ ±3 €20 №5 ∑x²≤∞", tokens: 32 },
  ],
  layout: [
    {
      text:
        "| name | price |\n|------|-------|\n| oak  | 12.50 |\n| pine |  8.00 |\n\n\n    indented\t\ttabs\n",
      tokens: 36,
    },
    {
      text: "# Title\n\n- [ ] one\n- [x] two\n\n> quoted\n> again\n\n---\n\n```sh\nls -la\n```\n",
      tokens: 30,
    },
  ],
  numbers: [
    {
      text:
        "On day 12 we were at 7 and had 34 of the 812 that was. On day 13 we were at 9 and had 35 of the 790 that was.",
      tokens: 40,
    },
    {
      text: "kg: 70 77 75 73 71 78 76 74 72 70 77 75 73 71 78 76 74 72 70 77 75 73 71 78",
      tokens: 50,
    },
    {
      text:
        "+49 30 901820, +1 212 555 0142, 020 7946 0958, +33 1 70 18 99 00, 06 12 34 56 78, 555 0199",
      tokens: 56,
    },
    {
      text:
        "| day | kg | km |\n|---|---|---|\n| 12 | 70.4 | 8.2 |\n| 13 | 70.1 | 12.9 |\n| 14 | 69.8 | 0 |\n| 15 | 69.9 | 5 |\n",
      tokens: 66,
    },
    {
      text:
        "date,amount,account,note\n2026-01-03,-12.50,4471,bakery\n2026-01-04,-8.99,4471,books\n2026-01-05,1250.00,9902,wages\n",
      tokens: 58,
    },
    {
      text:
        "7:30 run 5 km, 8:15 bus 42, 9 am call, 12 30 lunch for 4 at 18 each, 3 x 20 mg at 8 14 and 22",
      tokens: 48,
    },
    { text: "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20", tokens: 39 },
  ],
  blanks: [
    { text: "a\tb\tc\n\t\td \t e\t \tf\n \n \n\t\n  \t  g", tokens: 15 },
    { text: "\t \t \t \t \t \t \t \t \t \t \t \t \t \t \t \t ", tokens: 16 },
    { text: "name          \t\t value     \t\t  unit\n     \t 12\t\t\t kg", tokens: 14 },
    { text: "one\u00a0two\u2003three\u3000four\u00a0\u00a0five", tokens: 11 },
    { text: "x\r\n\r\n\ty\r\r\nz\u000b\f\u0085w", tokens: 10 },
  ],
};
