/**
 * One operation, carried out: its steps in order, each until it is done, and then the record names
 * the next one. A failure turns it round: from then on its steps are those of the way back.
 */
import type { Log } from "../../log.ts";
import type { Capabilities } from "../cluster.ts";
import type { Operation, UserRecord } from "../record.ts";
import { type Means, stepContextOf, tell } from "./context.ts";
import { isShut, type Verdict, verdictOf } from "./faults.ts";
import type { Step } from "./step.ts";
import { LeaseLost, type Tenure } from "./tenure.ts";
import { verbOf } from "./verbs.ts";

const MINUTE_MS = 60_000;
/** A wait is no longer than this, so that the lease is looked after. */
const LONGEST_WAIT_MS = 10_000;
const FIRST_RETRY_MS = 250;
const LEAST_RETRY_MS = 50;
const MOST_CHARACTERS = 1_000;

/** The reason of a step's signal, where the time of its operation is up. */
class TimeIsUp extends Error {
  override readonly name = "TimeIsUp";
}

export interface RunOptions {
  readonly means: Means;
  readonly tenure: Tenure;
  readonly capabilities: Capabilities;
  readonly random: () => number;
  readonly stopping: AbortSignal;
  /** Runs work when it is its turn. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly ended: (verb: string, outcome: "succeeded" | "failed") => void;
}

export class Run {
  readonly #options: RunOptions;
  readonly #tenure: Tenure;
  readonly #signal: AbortSignal;
  /** In a row. */
  #failures = 0;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#tenure = options.tenure;
    this.#signal = AbortSignal.any([options.stopping, options.tenure.lost]);
  }

  /** Over when the operation is, or somebody else's, or when we are stopping. */
  async toTheEnd(): Promise<void> {
    try {
      while (!this.#tenure.isOver && !this.#signal.aborted) {
        await this.#pause(await this.#turn());
      }
      if (!this.#tenure.isOver && !this.#tenure.lost.aborted) await this.#tenure.release();
    } catch (error) {
      // Also where it was released in vain: the lease runs out by itself.
      if (!(error instanceof LeaseLost) && !this.#signal.aborted) throw error;
      this.#log("debug", "operation_left");
    }
  }

  /** One try of one step. Gives how long to wait before the next one. */
  async #turn(): Promise<number> {
    try {
      await this.#tenure.ensure();
      const steps = stepsOf(this.#tenure.operation);
      // A name that no step has was written by another version: steps can be run again, all of them.
      const step = steps.find(({ name }) => name === this.#tenure.operation.step) ?? steps[0];
      if (step === undefined) return await this.#end();
      const outcome = await this.#try(step);
      this.#failures = 0;
      if (this.#tenure.isOver) return this.#removed(this.#tenure.record);
      if (outcome === "done") return await this.#goOn(steps, step);
      return await this.#wait(outcome.for, outcome.waitMs);
    } catch (error) {
      if (error instanceof LeaseLost || this.#signal.aborted) throw error;
      if (error instanceof TimeIsUp) return await this.#retried(() => this.#timeOut("it took"));
      return await this.#retried(() => this.#judged(error));
    }
  }

  async #try(step: Step) {
    const { means, capabilities, inTurn } = this.#options;
    const timeUp = new AbortController();
    const leftMs = Date.parse(this.#tenure.operation.deadlineAt) - means.clock.now();
    // What was left lying beyond its time gets one try all the same, and some time for that.
    const timer = means.clock.after(Math.max(leftMs, MINUTE_MS), () => {
      timeUp.abort(new TimeIsUp("The time of the operation is up"));
    });
    try {
      const signal = AbortSignal.any([this.#signal, timeUp.signal]);
      const context = stepContextOf(means, this.#tenure, capabilities, signal);
      return await inTurn(() => this.#tenure.during(() => step.run(context)));
    } finally {
      timer.cancel();
    }
  }

  /** The record went with its user: nothing is left to be written. */
  #removed(record: UserRecord): number {
    this.#count(record, null);
    return 0;
  }

  async #goOn(steps: readonly Step[], done: Step): Promise<number> {
    const next = steps[steps.indexOf(done) + 1];
    if (next === undefined) return await this.#end();
    await this.#change((operation) => ({
      ...operation,
      step: next.name,
      attempts: 0,
      waitingFor: null,
    }));
    return 0;
  }

  async #wait(waitingFor: string, waitMs: number): Promise<number> {
    if (this.#isLate) return await this.#timeOut(`still waiting for ${waitingFor}`);
    const said = waitingFor.slice(0, MOST_CHARACTERS);
    await this.#change((operation) => ({ ...operation, attempts: 0, waitingFor: said }));
    return Math.min(waitMs, LONGEST_WAIT_MS);
  }

  /** A failed write of what is known by now is no failure of the operation. */
  async #retried(work: () => Promise<number>): Promise<number> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof LeaseLost) throw error;
      const verdict = verdictOf(error);
      if (verdict.kind === "failed") throw error;
      return this.#retryMs();
    }
  }

  async #judged(error: unknown): Promise<number> {
    if (!await isShut(this.#options.means.cluster, this.#tenure.record, error)) {
      return await this.#judge(verdictOf(error), error);
    }
    this.#failures = 0;
    return await this.#wait("his deleted namespace to be gone", LONGEST_WAIT_MS);
  }

  async #judge(verdict: Verdict, error: unknown): Promise<number> {
    this.#failures++;
    if (verdict.code === "internal") this.#report(error);
    const isOut = verdict.kind === "failed" || this.#failures >= verdict.most;
    if (isOut) return await this.#fail(verdict.code, verdict.message);
    if (this.#isLate) return await this.#timeOut(verdict.message);
    await this.#change((operation) => ({
      ...operation,
      attempts: operation.attempts + 1,
      waitingFor: verdict.message,
    }));
    return this.#retryMs();
  }

  get #isLate(): boolean {
    const { clock } = this.#options.means;
    return clock.now() >= Date.parse(this.#tenure.operation.deadlineAt);
  }

  async #timeOut(state: string): Promise<number> {
    const { verb, step } = this.#tenure.operation;
    const message = `Cannot finish "${verb}" in its time, at "${step}": ${state}`;
    return await this.#fail("timed_out", message);
  }

  /** The way back begins; a failure on it ends the operation as it is. */
  async #fail(code: string, message: string): Promise<number> {
    const failure = { code, message: message.slice(0, MOST_CHARACTERS) };
    const { operation } = this.#tenure;
    const verb = verbOf(operation.verb);
    if (operation.failure !== null) {
      const both = `${operation.failure.message}; and it could not be put back: ${message}`;
      return await this.#end({ ...operation.failure, message: both.slice(0, MOST_CHARACTERS) });
    }
    const [first] = verb.wayBack({ ...operation, failure });
    if (first === undefined) return await this.#end(failure);
    const deadline = this.#options.means.clock.now() + verb.minutes * MINUTE_MS;
    this.#failures = 0;
    await this.#change((changed) => ({
      ...changed,
      failure,
      step: first.name,
      attempts: 0,
      waitingFor: null,
      deadlineAt: new Date(deadline).toISOString(),
    }));
    return 0;
  }

  /** Without a `failure` it has succeeded, or is back where it began. */
  async #end(failure?: NonNullable<Operation["failure"]>): Promise<number> {
    const { id, verb, failure: first } = this.#tenure.operation;
    const outcome = failure ?? (first === null ? null : putBack(first));
    const endedAt = new Date(this.#options.means.clock.now()).toISOString();
    const before = this.#tenure.record;
    // Told before it is over: a crash in between tells it again, and it is the same event.
    await this.#tell(before, outcome);
    await this.#tenure.update((record) => ({
      ...record,
      operation: null,
      lastOperation: {
        id,
        verb,
        outcome: outcome === null ? "succeeded" : "failed",
        failure: outcome,
        endedAt,
      },
    }));
    this.#count(before, outcome);
    return 0;
  }

  async #tell({ operation, ...record }: UserRecord, failure: Operation["failure"]): Promise<void> {
    if (operation === null) return;
    const { verb } = operation;
    await tell(this.#options.means, { ...record, operation }, {
      reason: eventReason(verb, failure === null ? "succeeded" : "failed"),
      message: failure?.message ?? `${verb} succeeded`,
      isWarning: failure !== null,
    });
  }

  #count({ operation, slug }: UserRecord, failure: Operation["failure"]): void {
    if (operation === null) return;
    const { means, ended } = this.#options;
    const { verb } = operation;
    const outcome = failure === null ? "succeeded" : "failed";
    ended(verb, outcome);
    const code = failure?.code ?? null;
    means.log(failure === null ? "info" : "warn", "operation_ended", { slug, verb, outcome, code });
  }

  async #change(change: (operation: Operation) => Operation): Promise<void> {
    await this.#tenure.update((record) =>
      record.operation === null ? record : { ...record, operation: change(record.operation) }
    );
  }

  #retryMs(): number {
    const most = Math.min(LONGEST_WAIT_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 10));
    return Math.max(LEAST_RETRY_MS, this.#options.random() * most);
  }

  async #pause(ms: number): Promise<void> {
    if (ms <= 0 || this.#signal.aborted || this.#tenure.isOver) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    const timer = this.#options.means.clock.after(ms, wake);
    this.#signal.addEventListener("abort", wake, { once: true });
    try {
      await promise;
    } finally {
      timer.cancel();
      this.#signal.removeEventListener("abort", wake);
    }
  }

  #report(error: unknown): void {
    const said = error instanceof Error ? `${error.name}: ${error.message}` : "not an error";
    this.#log("error", "step_broke", { error: said });
  }

  #log(level: Parameters<Log>[0], event: string, detail: Parameters<Log>[2] = {}): void {
    const { slug, operation } = this.#tenure.record;
    const where = { verb: operation?.verb ?? null, step: operation?.step ?? null };
    this.#options.means.log(level, event, { slug, ...where, ...detail });
  }
}

function stepsOf(operation: Operation): readonly Step[] {
  const verb = verbOf(operation.verb);
  return operation.failure === null ? verb.steps(operation) : verb.wayBack(operation);
}

function putBack(
  { message }: NonNullable<Operation["failure"]>,
): NonNullable<Operation["failure"]> {
  const said = `${message}; everything was put back as it was`;
  return { code: "rolled_back", message: said.slice(0, MOST_CHARACTERS) };
}

/** Such as `RotateKeyFailed`. */
function eventReason(verb: string, outcome: "succeeded" | "failed"): string {
  const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
  return [...verb.split("_"), outcome].map(capital).join("");
}
