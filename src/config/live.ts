/**
 * What may change while the service runs: the keys that are let in, and the limits. They stand in
 * files that somebody else replaces, such as a Secret and a ConfigMap that Kubernetes mounts.
 *
 * Promises: a file that cannot be read, or holds what the start would have refused, changes nothing
 * and is said once, but for the former key: what is none there lets nobody in. A change is in force
 * within five seconds. No value is ever said.
 */
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { readKeyFile, readPreviousKey, type Told } from "./keys.ts";
import { type Limits, readLimits } from "./limits.ts";

const LOOK_MS = 5_000;

/** What the start found: a part of the configuration. */
interface Found extends Limits {
  readonly isProduction: boolean;
  readonly key: string | undefined;
  /** What holds where the file of limits says nothing. */
  readonly environmentLimits: Limits;
  readonly previousKey: string | undefined;
  readonly readKey: string | undefined;
  readonly files: {
    readonly key: string | undefined;
    readonly previousKey: string | undefined;
    readonly readKey: string | undefined;
    readonly limits: string | undefined;
  };
}

export interface LiveOptions {
  readonly config: Found;
  readonly readFile: (path: string) => string;
  readonly clock: Clock;
  readonly log: Log;
}

export class LiveSettings {
  readonly #options: LiveOptions;
  #key: string | undefined;
  #previousKey: string | undefined;
  #readKey: string | undefined;
  #limits: Limits;
  #said: string | undefined;

  constructor(options: LiveOptions) {
    const { config } = options;
    this.#options = options;
    this.#key = config.key;
    this.#previousKey = config.previousKey;
    this.#readKey = config.readKey;
    this.#limits = limitsOf(config);
  }

  /** The key that is in force for now: the operator's, or one that was made up for want of one. */
  use(key: string): void {
    this.#key = key;
  }

  /** The present key, and for a while the one before it. */
  get keys(): readonly string[] {
    return [this.#key, this.#previousKey].filter((key) => key !== undefined);
  }

  /** Those that let in for reading only. */
  get readKeys(): readonly string[] {
    return this.#readKey === undefined ? [] : [this.#readKey];
  }

  get requestsPerMinute(): number {
    return this.#limits.requestsPerMinute;
  }

  /** A view: it says what holds now. */
  get quota(): { readonly memories: number; readonly bytes: number } {
    const now = () => this.#limits;
    return {
      get memories() {
        return now().maxMemories;
      },
      get bytes() {
        return now().quotaBytes;
      },
    };
  }

  /** Looks at the files from now on, as long as the process lives; where none is named, never. */
  start(): void {
    const { config: { files }, clock } = this.#options;
    if (Object.values(files).every((file) => file === undefined)) return;
    clock.after(LOOK_MS, () => {
      this.#look();
      this.start();
    });
  }

  /** Keys and limits each by themselves: a slip in one must not keep a stolen key in force. */
  #look(): void {
    const told = { ...this.#options.config, ...this.#options, problems: [], warnings: [] };
    this.#lookAtKeys(told);
    this.#lookAtLimits(told);
    const said = told.problems.join("; ") || undefined;
    if (said !== undefined && said !== this.#said) {
      this.#options.log("warn", "settings_kept", { problem: said });
    }
    this.#said = said;
  }

  #lookAtKeys(told: Told): void {
    const { config: { files }, log } = this.#options;
    const key = files.key === undefined ? this.#key : readKeyFile(files.key, told) ?? this.#key;
    // One that cannot be used lets nobody in, and is no reason to keep another.
    const previousKey = readPreviousKey(files.previousKey, told);
    const readKey = this.#readKeyNow(told);
    const isSame = key === this.#key && previousKey === this.#previousKey &&
      readKey === this.#readKey;
    if (!isSame) log("info", "keys_changed", {});
    this.#key = key;
    this.#previousKey = previousKey;
    this.#readKey = readKey;
  }

  #readKeyNow(told: Told): string | undefined {
    const file = this.#options.config.files.readKey;
    if (file === undefined) return this.#readKey;
    return readKeyFile(file, told, "CONTAINER_READ_KEY") ?? this.#readKey;
  }

  #lookAtLimits(told: Told): void {
    const { config: { files, environmentLimits }, log } = this.#options;
    const before = told.problems.length;
    const limits = { ...environmentLimits, ...readLimits(files.limits, told) };
    if (told.problems.length > before) return;
    if (JSON.stringify(limits) !== JSON.stringify(this.#limits)) {
      log("info", "limits_changed", { ...limits });
    }
    this.#limits = limits;
  }
}

function limitsOf({ requestsPerMinute, maxMemories, quotaBytes }: Limits): Limits {
  return { requestsPerMinute, maxMemories, quotaBytes };
}
