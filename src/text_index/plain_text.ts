/**
 * The written words of a text of plain ASCII, as most are, found by walking its bytes: the same
 * words that the pattern behind `chunksOf` finds, and a test holds the two together; only that a
 * word which begins a sentence is given in small letters. No string is made for a word: its bytes
 * and their hash are enough to look it up.
 */

const SMALL = 1, CAPITAL = 2, DIGIT = 4, JOINER = 8;
const LETTER = SMALL | CAPITAL;
const WORD = LETTER | DIGIT;
/** What each byte may be in a word. */
const KINDS = new Uint8Array(256);
mark("abcdefghijklmnopqrstuvwxyz", SMALL);
mark("ABCDEFGHIJKLMNOPQRSTUVWXYZ", CAPITAL);
mark("0123456789", DIGIT);
mark(".'@:&=?%~_\\/-", JOINER);

const PLUS = 0x2b, HASH_SIGN = 0x23, HYPHEN = 0x2d, GREATER = 0x3e;
const TO_SMALL = 0x20;
/** FNV-1a of 32 bits. */
const HASH_START = 0x811c9dc5, HASH_FACTOR = 0x01000193;
/** Zeros after the text, so that a look ahead needs no look at its end. */
const PADDING = 4;

function mark(characters: string, kind: number): void {
  for (let at = 0; at < characters.length; at++) KINDS[characters.charCodeAt(at)] = kind;
}

export class PlainText {
  readonly #encoder = new TextEncoder();
  readonly #decoder = new TextDecoder();
  #length = 0;
  #next = 0;
  /** The text, and where in it the word found last begins and ends; the hash of that. */
  bytes = new Uint8Array(4096);
  start = 0;
  end = 0;
  hash = 0;

  /** Takes a text to be walked; false where it is not plain ASCII. */
  take(text: string): boolean {
    const needed = text.length + PADDING;
    if (needed > this.bytes.length) this.bytes = new Uint8Array(2 * needed);
    // A character beyond ASCII takes more bytes than one, or finds no room: either shows.
    const { read, written } = this.#encoder.encodeInto(text, this.bytes);
    if (read !== text.length || written !== text.length) return false;
    this.bytes.fill(0, written, written + PADDING);
    this.#length = written;
    this.#next = 0;
    return true;
  }

  /** Goes to the next word; false where there is none. */
  next(): boolean {
    const { bytes } = this;
    let at = this.#next;
    while (at < this.#length && (kindAt(bytes, at) & WORD) === 0) at++;
    if (at >= this.#length) return false;
    const end = endOfSharp(bytes, at) ?? endOfJoined(bytes, at);
    if (isCapitalized(bytes, at, end)) bytes[at] = (bytes[at] ?? 0) | TO_SMALL;
    let hash = HASH_START;
    for (let each = at; each < end; each++) {
      hash = Math.imul(hash ^ (bytes[each] ?? 0), HASH_FACTOR);
    }
    this.start = at;
    this.end = this.#next = end;
    this.hash = hash;
    return true;
  }

  /** The word found last, as a string of its own. */
  get word(): string {
    return this.#decoder.decode(this.bytes.subarray(this.start, this.end));
  }
}

function kindAt(bytes: Uint8Array, at: number): number {
  return KINDS[bytes[at] ?? 0] ?? 0;
}

/** Whether a word's first letter is its only capital, and it has nothing but letters: then its terms
 * are those of the word in small letters. */
function isCapitalized(bytes: Uint8Array, start: number, end: number): boolean {
  if (kindAt(bytes, start) !== CAPITAL) return false;
  for (let at = start + 1; at < end; at++) if (kindAt(bytes, at) !== SMALL) return false;
  return true;
}

/** Of a name such as C# and C++. */
function endOfSharp(bytes: Uint8Array, start: number): number | undefined {
  if ((kindAt(bytes, start) & LETTER) === 0) return undefined;
  const next = bytes[start + 1];
  let end: number;
  if (next === HASH_SIGN) end = start + 2;
  else if (next === PLUS && bytes[start + 2] === PLUS) end = start + 3;
  else return undefined;
  return (kindAt(bytes, end) & WORD) === 0 ? end : undefined;
}

/** Of letters and digits, and what they are held together by. */
function endOfJoined(bytes: Uint8Array, start: number): number {
  for (let at = start;;) {
    while ((kindAt(bytes, at) & WORD) !== 0) at++;
    let after = at;
    if (bytes[at] === HYPHEN && bytes[at + 1] === GREATER) after = at + 2;
    else while (kindAt(bytes, after) === JOINER) after++;
    if (after === at || (kindAt(bytes, after) & WORD) === 0) return at;
    at = after;
  }
}
