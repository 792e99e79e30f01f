/**
 * Port: a model that answers in words. What is behind it may be slow, away or wrong, so whoever
 * calls it takes nothing it says for granted.
 */
export interface ChatModel {
  /** What it answers to `question` under the `instructions`. Throws `ChatModelError`. */
  reply(prompt: Prompt, signal: AbortSignal): Promise<string>;
}

export interface Prompt {
  /** What it is to do; nothing of it comes from what is remembered. */
  readonly instructions: string;
  /** What it is to do it with. */
  readonly question: string;
}

/**
 * - `retry`: slow, unreachable, overloaded, or the reply was not usable: the same call may work later.
 * - `config`: refused for what the operator set (key, model, address): no use before that changes.
 * - `input`: this question was refused, for its length or for what it says.
 */
export type ChatModelFault = "retry" | "config" | "input";

export class ChatModelError extends Error {
  override readonly name = "ChatModelError";
  readonly fault: ChatModelFault;

  constructor(fault: ChatModelFault, message: string) {
    super(message);
    this.fault = fault;
  }
}
