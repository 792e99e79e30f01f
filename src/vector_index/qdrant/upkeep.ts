/**
 * When to look whether Qdrant still holds what it should: every ten minutes; and some time after a
 * write that failed, since Qdrant may have taken it and carry it out late.
 */
import type { Clock, Timer } from "../../clock.ts";

const EVERY_MS = 10 * 60_000;
/** Later than that no write is carried out that has failed here, or that a former process sent. */
const LATE_MS = 60_000;
/** Where it could not be told, or something seems to be wrong. */
const SOON_MS = 60_000, AT_ONCE_MS = 100;

export class Upkeep {
  readonly #clock: Clock;
  readonly #look: () => Promise<void>;
  #timer: Timer | undefined;
  #dueAt = 0;
  #lookedAt: number;
  /** Only a comparison from then on tells what those writes came to. */
  #unsureUntil: number | undefined;
  #isStopped = false;

  constructor(clock: Clock, look: () => Promise<void>) {
    this.#clock = clock;
    this.#look = look;
    this.#lookedAt = clock.now();
    this.unsure();
  }

  /** Whether a count is not enough. */
  get isUnsure(): boolean {
    return this.#unsureUntil !== undefined;
  }

  /** A write failed, or may have been under way. While one after the other fails, nothing is
   * compared for it but every ten minutes. */
  unsure(): void {
    const now = this.#clock.now();
    const isJustForThis = this.#timer !== undefined && this.#dueAt === this.#unsureUntil;
    this.#unsureUntil = now + LATE_MS;
    if (isJustForThis && now - this.#lookedAt < EVERY_MS) this.#cancel();
    this.#lookIn(LATE_MS);
  }

  /** At once, but not again and again. */
  soon(): void {
    const isNew = this.#clock.now() - this.#lookedAt >= SOON_MS;
    this.#lookIn(isNew ? AT_ONCE_MS : SOON_MS);
  }

  /** All was compared, as it was at that time or later. */
  compared(beganAt: number): void {
    if (this.#unsureUntil !== undefined && beganAt >= this.#unsureUntil) {
      this.#unsureUntil = undefined;
    }
    // The time of day may have gone back.
    const waitMs = this.#unsureUntil === undefined ? EVERY_MS : this.#unsureUntil - beganAt;
    this.#lookIn(Math.min(Math.max(waitMs, 0), EVERY_MS));
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  #cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #lookIn(ms: number): void {
    const dueAt = this.#clock.now() + ms;
    if (this.#isStopped || (this.#timer !== undefined && this.#dueAt <= dueAt)) return;
    this.#cancel();
    this.#dueAt = dueAt;
    this.#timer = this.#clock.after(ms, () => {
      this.#timer = undefined;
      this.#lookedAt = this.#clock.now();
      void this.#look().finally(() => this.#lookIn(EVERY_MS));
    });
  }
}
