/**
 * Languages: how the words of each are stemmed, and which of them carry grammar only. Which one a
 * text is in is told in language_evidence.ts.
 *
 * Scripts of a single language here need no guess, so that a Russian word is stemmed as one in an
 * English memory too. The others share Latin letters, and one spelling may have a stem in each of
 * them: a stem other than English is kept under the language it is of.
 */
import { stemmer as arabic } from "@orama/stemmers/arabic";
import { stemmer as danish } from "@orama/stemmers/danish";
import { stemmer as dutch } from "@orama/stemmers/dutch";
import { stemmer as finnish } from "@orama/stemmers/finnish";
import { stemmer as french } from "@orama/stemmers/french";
import { stemmer as german } from "@orama/stemmers/german";
import { stemmer as greek } from "@orama/stemmers/greek";
import { stemmer as hindi } from "@orama/stemmers/indian";
import { stemmer as hungarian } from "@orama/stemmers/hungarian";
import { stemmer as indonesian } from "@orama/stemmers/indonesian";
import { stemmer as italian } from "@orama/stemmers/italian";
import { stemmer as norwegian } from "@orama/stemmers/norwegian";
import { stemmer as portuguese } from "@orama/stemmers/portuguese";
import { stemmer as romanian } from "@orama/stemmers/romanian";
import { stemmer as russian } from "@orama/stemmers/russian";
import { stemmer as spanish } from "@orama/stemmers/spanish";
import { stemmer as swedish } from "@orama/stemmers/swedish";
import { stemmer as turkish } from "@orama/stemmers/turkish";
import { stemmer as ukrainian } from "@orama/stemmers/ukrainian";
import { FUNCTION_WORDS } from "./function_words.ts";
import { lower, withoutMarks } from "./normalized.ts";
import { MAX_STEM_CHARACTERS, MAX_TERM_CHARACTERS, stem } from "./stemming.ts";
import { ENGLISH_STOPWORDS } from "./stopwords.ts";

type Script = "latin" | "greek" | "cyrillic" | "hebrew" | "arabic" | "devanagari";

export interface Language {
  readonly code: string;
  readonly script: Script | undefined;
  /** Behind the stems of a language that shares its script with the one taken for granted. No term
   * has a space in it otherwise. */
  readonly mark: string;
  /** Its function words, without marks. */
  readonly stopwords: ReadonlySet<string>;
  /** Of a word in small letters, with its accents or without. */
  readonly stem: (word: string) => string;
}

type Code = keyof typeof FUNCTION_WORDS;

const same = (word: string) => word;

export const ENGLISH: Language = {
  code: "en",
  script: "latin",
  mark: "",
  stopwords: ENGLISH_STOPWORDS,
  stem,
};
/** Of scripts that no language here is written in: nothing is known of their words. */
const NO_LANGUAGE: Language = {
  code: "",
  script: undefined,
  mark: "",
  stopwords: ENGLISH_STOPWORDS,
  stem: same,
};

/** The language of a script's words where the text says no other of it. */
const LANGUAGE_OF: Readonly<Record<Script, Language>> = {
  latin: ENGLISH,
  greek: newLanguage("el", "greek", greek, false),
  cyrillic: newLanguage("ru", "cyrillic", russian, false),
  hebrew: newLanguage("he", "hebrew", same, false),
  arabic: newLanguage("ar", "arabic", arabic, false),
  devanagari: newLanguage("hi", "devanagari", hindi, false),
};

/** Those that a text has to say. Where it says two of them as often, the first one counts. */
export const LANGUAGES: readonly Language[] = [
  newLanguage("de", "latin", (word) => german(withUmlauts(word))),
  newLanguage("fr", "latin", french),
  newLanguage("es", "latin", spanish),
  newLanguage("it", "latin", italian),
  newLanguage("pt", "latin", portuguese),
  newLanguage("nl", "latin", dutch),
  newLanguage("sv", "latin", swedish),
  newLanguage("da", "latin", danish),
  newLanguage("no", "latin", norwegian),
  newLanguage("fi", "latin", finnish),
  newLanguage("ro", "latin", romanian),
  newLanguage("hu", "latin", hungarian),
  newLanguage("tr", "latin", turkish),
  newLanguage("pl", "latin", same),
  newLanguage("cs", "latin", same),
  newLanguage("vi", "latin", same),
  newLanguage("id", "latin", indonesian),
  newLanguage("uk", "cyrillic", ukrainian),
  newLanguage("fa", "arabic", same),
];

const LATIN_END = 0x250;
/** Where the letters of the other scripts stand in Unicode, the ends not included. */
const SCRIPTS: readonly (readonly [number, number, Script])[] = [
  [0x1e00, 0x1f00, "latin"],
  [0x370, 0x400, "greek"],
  [0x1f00, 0x2000, "greek"],
  [0x400, 0x530, "cyrillic"],
  [0x590, 0x600, "hebrew"],
  [0x600, 0x700, "arabic"],
  [0x900, 0x980, "devanagari"],
];
const WORD = /^[\p{L}\p{M}]+$/u;
/** One or two of the particles that Hebrew writes together with the word. */
const HEBREW_PARTICLES = /^(?:[ושכ]?[הבלמ]|[ושכ])(?=..)/u;

/** Whether a word, in small letters and without marks, carries grammar only. */
export function isStopword(plain: string, language: Language): boolean {
  return languageOfWord(plain, language).stopwords.has(plain);
}

/**
 * What a word is found by, the stem first: in small letters, `plain` without its marks, `accented`
 * with them. Accents make better stems, and many leave them out: both are good to find it.
 */
export function stemsOf(plain: string, accented: string, language: Language): readonly string[] {
  const { script, mark, stem } = languageOfWord(plain, language);
  if (mark === "" && script === "latin") return [stem(plain)];
  const cut = plain.slice(0, MAX_TERM_CHARACTERS);
  if (script === undefined || plain.length > MAX_STEM_CHARACTERS || !WORD.test(plain)) return [cut];
  if (script === "hebrew") return [...new Set([cut, cut.replace(HEBREW_PARTICLES, "")])];
  const first = lower(withoutMarks(stem(accented))) + mark;
  const second = plain === accented ? first : lower(withoutMarks(stem(plain))) + mark;
  return second === first ? [first] : [first, second];
}

/** The key under which the memories of a language are counted. */
export function languageKey({ code }: Language): string {
  return ` language ${code}`;
}

function newLanguage(
  code: Code,
  script: Script,
  stem: (word: string) => string,
  isMarked = true,
): Language {
  const words = FUNCTION_WORDS[code].split(/\s+/);
  const stopwords = new Set(words.map((word) => lower(withoutMarks(word))));
  return { code, script, mark: isMarked ? ` ${code}` : "", stopwords, stem };
}

/** A word of another script than its text's is one of the language taken for granted there. */
function languageOfWord(plain: string, language: Language): Language {
  const first = plain.charCodeAt(0);
  // Most words, and numbers.
  if (first < LATIN_END) return language.script === "latin" ? language : ENGLISH;
  const script = SCRIPTS.find(([from, to]) => from <= first && first < to)?.[2];
  if (script === undefined) return NO_LANGUAGE;
  return script === language.script ? language : LANGUAGE_OF[script];
}

/** Ä, ö and ü typed as ae, oe and ue, as Snowball's later German stemmer takes them too. */
function withUmlauts(word: string): string {
  return word.replace(/ae/g, "ä").replace(/oe/g, "ö").replace(/(?<![aeiouq])ue/g, "ü");
}
