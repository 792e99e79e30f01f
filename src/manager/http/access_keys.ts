/**
 * The keys of those who may ask, and what each may. They come from a file that has no key in it,
 * only SHA-256 sums; it is looked at again every few seconds, so that a key is given or taken away
 * without a restart. A file that cannot be used leaves in force what was read before, and is said.
 *
 *   {"keys": [{"name": "console", "sha256": "9f86…", "scopes": ["users:write", "backups"]}]}
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import type { Clock } from "../../clock.ts";
import type { Log } from "../../log.ts";

const SCOPES = ["users:read", "users:write", "backups", "keys", "metrics", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** What a scope brings with it. `admin` has all, and alone may purge. */
const IMPLIED: Readonly<Partial<Record<Scope, readonly Scope[]>>> = {
  "users:read": ["metrics"],
  "users:write": ["users:read", "metrics"],
  admin: SCOPES,
};

/** The sum of no bytes: what a script makes of a variable that is not set. */
const OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const LOOK_MS = 5_000;
const MOST_KEYS = 1_000;

const fileSchema = z.strictObject({
  keys: z.array(z.strictObject({
    name: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
    sha256: z.string().regex(/^[0-9a-fA-F]{64}$/)
      .refine((sum) => sum.toLowerCase() !== OF_NOTHING),
    scopes: z.array(z.enum(SCOPES)).max(20),
  })).max(MOST_KEYS),
}).refine(({ keys }) => new Set(keys.map(({ name }) => name)).size === keys.length)
  .refine(({ keys }) =>
    new Set(keys.map(({ sha256 }) => sha256.toLowerCase())).size === keys.length
  );

export interface AccessKey {
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
}

type Entry = AccessKey & { readonly digest: Uint8Array };

export interface AccessKeysOptions {
  /** The file's text. */
  readonly read: () => Promise<string>;
  readonly clock: Clock;
  readonly log: Log;
}

export class AccessKeys {
  readonly #options: AccessKeysOptions;
  #text: string;
  #entries: readonly Entry[];
  #lookedAt: number;
  #looking: Promise<void> | undefined;

  private constructor(options: AccessKeysOptions, text: string) {
    this.#options = options;
    this.#text = text;
    this.#entries = entriesOf(text);
    this.#lookedAt = options.clock.now();
  }

  /** Throws where the file cannot be used: without keys there is no service. */
  static async open(options: AccessKeysOptions): Promise<AccessKeys> {
    return new AccessKeys(options, await options.read());
  }

  /** Compares with every one of them, whichever it is; undefined for what is none. */
  async find(given: string): Promise<AccessKey | undefined> {
    await this.#look();
    const digest = createHash("sha256").update(given).digest();
    return this.#entries.filter((entry) => timingSafeEqual(entry.digest, digest))[0];
  }

  async #look(): Promise<void> {
    const { clock } = this.#options;
    // A clock that was set back must not put it off.
    if (Math.abs(clock.now() - this.#lookedAt) < LOOK_MS) return;
    await (this.#looking ??= this.#readAgain().finally(() => this.#looking = undefined));
  }

  async #readAgain(): Promise<void> {
    const { read, clock, log } = this.#options;
    try {
      const text = await read();
      if (text !== this.#text) {
        this.#entries = entriesOf(text);
        this.#text = text;
        log("info", "access_keys_read", { keys: this.#entries.length });
      }
    } catch (error) {
      const reason = error instanceof KeysFileError ? error.message : "it cannot be read";
      log("error", "access_keys_kept", { keys: this.#entries.length, reason });
    } finally {
      this.#lookedAt = clock.now();
    }
  }
}

/** What is in the file cannot be used. */
export class KeysFileError extends Error {
  override readonly name = "KeysFileError";
}

function entriesOf(text: string): Entry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new KeysFileError("it is not JSON");
  }
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue?.path.map(String).join("/") ?? "";
    throw new KeysFileError(
      `"${place}" is not as it should be; names and sums must each be there once`,
    );
  }
  return parsed.data.keys.map(({ name, sha256, scopes }) => ({
    name,
    scopes: new Set(scopes.flatMap((scope) => [scope, ...IMPLIED[scope] ?? []])),
    digest: Uint8Array.fromHex(sha256),
  }));
}
