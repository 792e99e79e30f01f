/**
 * Whether the data is whole. Damage that was met stays known over restarts, by the notes that lie
 * in quarantine, until a person has said that they have seen it.
 */
import { type Damage, type RecoveryNote, StoreOpenError } from "../store.ts";
import { notAcknowledged } from "./disk_errors.ts";
import type { Quarantine } from "./quarantine.ts";

/** More is not listed, but it lies in quarantine all the same. */
const MOST_DAMAGE = 100;

/** What is to be done where data is damaged: go on; read only; or not even start. */
export type CorruptionPolicy = "serve" | "readonly" | "refuse";

export class Integrity {
  readonly #quarantine: Quarantine;
  readonly #policy: CorruptionPolicy;
  #damage: readonly Damage[] = [];

  constructor(quarantine: Quarantine, policy: CorruptionPolicy = "serve") {
    this.#quarantine = quarantine;
    this.#policy = policy;
  }

  get status(): "ok" | "degraded" {
    return this.#damage.length === 0 ? "ok" : "degraded";
  }

  /** Newest first. */
  get damage(): readonly Damage[] {
    return this.#damage;
  }

  /** True where nothing may be written until a person has looked. */
  get forbidsWrites(): boolean {
    return this.#policy === "readonly" && this.status === "degraded";
  }

  /** Takes in what opening found, before anything is changed. Throws where that is the policy. */
  async judge(notes: readonly RecoveryNote[]): Promise<void> {
    for (const note of notes) {
      if (note.kind === "damage" && note.quarantine === undefined) {
        await this.#quarantine.keepNote(note);
      }
    }
    this.#damage = await this.#quarantine.damage(MOST_DAMAGE);
    if (this.#policy !== "refuse" || this.status === "ok") return;
    throw new StoreOpenError(
      "unreadable",
      "Cannot open the data folder: something in it is damaged, as the notes in quarantine/ say; " +
        "put a backup in place, or set ON_CORRUPTION=serve to go on with what can be read",
    );
  }

  async acknowledge(): Promise<void> {
    try {
      await this.#quarantine.acknowledge();
      this.#damage = await this.#quarantine.damage(MOST_DAMAGE);
    } catch (error) {
      throw notAcknowledged(error);
    }
  }
}
