/**
 * Reads the records out of one large JSON document without holding it: a plain array, or an object
 * whose `memories`, or what else they are called, is an array or an object keyed by id. Each record
 * comes out as its own bytes, to be parsed by `JSON.parse`, which keeps what an event parser would
 * lose (`__proto__` keys, the exact numbers). Only the frame around the records is judged here.
 */
import { AppError } from "./errors.ts";
import { joinBytes } from "./lines.ts";

export interface JsonRecord {
  /** The member name, where the records are an object's members. */
  readonly key: string | undefined;
  readonly bytes: Uint8Array;
}

/** Members beside the records are handed out too; all together may have this many bytes. */
const MAX_FIELD_BYTES = 1 << 20;

const QUOTE = 0x22, BACKSLASH = 0x5c, COMMA = 0x2c, COLON = 0x3a;
const OPEN_ARRAY = 0x5b, CLOSE_ARRAY = 0x5d, OPEN_OBJECT = 0x7b, CLOSE_OBJECT = 0x7d;

/** Where the reader stands: which container, and what may come next in it. */
type Container = "document" | "root_array" | "root_object" | "memories_array" | "memories_object";
type Expected = "value" | "value_or_end" | "key" | "key_or_end" | "colon" | "comma_or_end" | "end";

/** A value being collected: its bytes so far, and how deep its brackets are open. */
interface Capture {
  readonly parts: Uint8Array[];
  bytes: number;
  depth: number;
  inString: boolean;
  escaped: boolean;
  /** A number or word ends at the first byte that cannot belong to it. */
  readonly bare: boolean;
  /** True where the bytes are let go. */
  readonly ignored: boolean;
}

export class JsonRecordReader {
  readonly #maxRecordBytes: number;
  readonly #ignored: readonly string[];
  readonly #members: readonly string[];
  #container: Container = "document";
  #expected: Expected = "value";
  #capture: Capture | undefined;
  #key: string | undefined;
  #fieldBytes = 0;
  #found: JsonRecord[] = [];
  /** Members of the document beside the records, as JSON text. */
  readonly fields = new Map<string, string>();
  /** True where the document is an object that has the records, or is an array. */
  sawRecords = false;

  /**
   * Of `ignored` members beside the records nothing is kept, however large they are. The records
   * are the member of one of the names in `members`.
   */
  constructor(
    maxRecordBytes: number,
    ignored: readonly string[] = [],
    members: readonly string[] = ["memories"],
  ) {
    this.#maxRecordBytes = maxRecordBytes;
    this.#ignored = ignored;
    this.#members = members;
  }

  /** Takes the next piece and returns the records that it completes. Throws `malformed`. */
  push(piece: Uint8Array): JsonRecord[] {
    for (let at = 0; at < piece.length;) {
      if (this.#capture !== undefined) at = this.#collect(this.#capture, piece, at);
      else at = this.#frame(piece, at);
    }
    return this.#found.splice(0);
  }

  /** Says that no more comes. Throws `malformed` where the document is not complete. */
  end(): void {
    if (this.#expected !== "end") throw malformed("the document ends too early");
  }

  /** One byte of the frame: white space, brackets, commas, colons, or where a value starts. */
  #frame(piece: Uint8Array, at: number): number {
    const byte = piece[at] ?? 0;
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return at + 1;
    const expected = this.#expected;
    if (expected === "colon" && byte === COLON) this.#expected = "value";
    else if (expected === "comma_or_end" && byte === COMMA) {
      this.#expected = this.#inObject ? "key" : "value";
    } else if (this.#mayEnd && byte === this.#closing) this.#leave();
    else if ((expected === "key" || expected === "key_or_end") && byte === QUOTE) {
      this.#capture = newCapture(false, false);
      return at;
    } else if (expected === "value" || expected === "value_or_end") {
      return this.#startValue(byte, at);
    } else throw malformed(`unexpected ${describe(byte)}`);
    return at + 1;
  }

  #startValue(byte: number, at: number): number {
    const open = byte === OPEN_ARRAY || byte === OPEN_OBJECT;
    if (this.#container === "document") {
      if (!open) throw malformed("it is neither an array nor an object");
      this.#enter(byte === OPEN_ARRAY ? "root_array" : "root_object");
      return at + 1;
    }
    if (this.#container === "root_object" && this.#isMember && open) {
      this.#enter(byte === OPEN_ARRAY ? "memories_array" : "memories_object");
      return at + 1;
    }
    if (byte === COMMA || byte === COLON || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      throw malformed(`unexpected ${describe(byte)}`);
    }
    const ignored = this.#container === "root_object" && this.#ignored.includes(this.#key ?? "");
    this.#capture = newCapture(!open && byte !== QUOTE, ignored);
    return at;
  }

  #enter(container: Container): void {
    if (container !== "root_object") {
      if (this.sawRecords) throw malformed(`it has \`${this.#key ?? "memories"}\` twice`);
      this.sawRecords = true;
    }
    this.#container = container;
    this.#key = undefined;
    this.#expected = this.#inObject ? "key_or_end" : "value_or_end";
  }

  #leave(): void {
    const inside = this.#container === "memories_array" || this.#container === "memories_object";
    this.#container = inside ? "root_object" : "document";
    this.#expected = inside ? "comma_or_end" : "end";
    this.#key = undefined;
  }

  get #isMember(): boolean {
    return this.#key !== undefined && this.#members.includes(this.#key);
  }

  get #inObject(): boolean {
    return this.#container === "root_object" || this.#container === "memories_object";
  }

  get #mayEnd(): boolean {
    return this.#container !== "document" &&
      (this.#expected === "comma_or_end" || this.#expected.endsWith("_or_end"));
  }

  get #closing(): number {
    return this.#inObject ? CLOSE_OBJECT : CLOSE_ARRAY;
  }

  /** Bytes of a value, up to its end or the piece's; returns where the frame goes on. */
  #collect(capture: Capture, piece: Uint8Array, from: number): number {
    const end = valueEnd(capture, piece, from);
    const part = piece.subarray(from, end ?? piece.length);
    if (!capture.ignored) capture.bytes += part.length;
    if (capture.bytes > this.#maxRecordBytes) {
      throw new AppError(
        "too_large",
        `Cannot read the document: a record is larger than ${this.#maxRecordBytes} bytes`,
      );
    }
    if (!capture.ignored) capture.parts.push(part);
    if (end === undefined) return piece.length;
    this.#capture = undefined;
    this.#complete(joinBytes(capture.parts));
    return end;
  }

  #complete(bytes: Uint8Array): void {
    if (this.#expected === "key" || this.#expected === "key_or_end") {
      this.#key = parseKey(bytes);
      this.#expected = "colon";
      return;
    }
    this.#expected = "comma_or_end";
    if (this.#container !== "root_object") this.#found.push({ key: this.#key, bytes });
    else if (!this.#ignored.includes(this.#key ?? "")) this.#keepField(bytes);
    this.#key = undefined;
  }

  #keepField(bytes: Uint8Array): void {
    if (this.#isMember) throw malformed(`\`${this.#key}\` is neither an array nor an object`);
    this.#fieldBytes += bytes.length;
    if (this.#fieldBytes > MAX_FIELD_BYTES) throw malformed("it has too much beside the records");
    this.fields.set(this.#key ?? "", new TextDecoder().decode(bytes));
  }
}

function newCapture(bare: boolean, ignored: boolean): Capture {
  return { parts: [], bytes: 0, depth: 0, inString: false, escaped: false, bare, ignored };
}

/** Index behind the value's last byte, or undefined where the piece ends first. */
function valueEnd(capture: Capture, piece: Uint8Array, from: number): number | undefined {
  if (capture.bare) return bareEnd(piece, from);
  for (let at = from; at < piece.length; at++) {
    const byte = piece[at];
    if (capture.inString) {
      if (capture.escaped) capture.escaped = false;
      else if (byte === BACKSLASH) capture.escaped = true;
      else if (byte === QUOTE) {
        capture.inString = false;
        if (capture.depth === 0) return at + 1;
      }
    } else if (byte === QUOTE) capture.inString = true;
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) capture.depth++;
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      if (--capture.depth === 0) return at + 1;
    }
  }
  return undefined;
}

function bareEnd(piece: Uint8Array, from: number): number | undefined {
  for (let at = from; at < piece.length; at++) {
    const byte = piece[at] ?? 0;
    if (byte === COMMA || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT || byte <= 0x20) return at;
  }
  return undefined;
}

function parseKey(bytes: Uint8Array): string {
  try {
    return String(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    throw malformed("a key is not a JSON string");
  }
}

function describe(byte: number): string {
  return byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte ${byte}`;
}

function malformed(state: string): AppError {
  return new AppError("malformed", `Cannot read the document as JSON: ${state}`);
}
