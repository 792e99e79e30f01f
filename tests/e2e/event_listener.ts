/** One who listens to a program's events, comes back whenever he is cut off, and notes them all. */
import { KEY, type Program } from "./program.ts";

export interface Heard {
  readonly id: string;
  readonly type: string;
  readonly memory_id: string | null;
}

type Message = Heard & { readonly reason?: string; readonly position?: string | null };

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class EventListener implements AsyncDisposable {
  readonly heard: Heard[] = [];
  /** Why it was told that nothing more comes. */
  readonly ends: string[] = [];
  /** How often it was cut off. */
  cuts = 0;
  #program: () => Program;
  #position: string | null = null;
  #cut: () => void = () => {};
  #isOver = false;
  readonly #kind: "sse" | "websocket";
  /** Between two pieces that it takes. */
  readonly #restMs: number;
  readonly #over: Promise<void>;
  readonly #begun = Promise.withResolvers<void>();

  constructor(program: () => Program, kind: "sse" | "websocket", restMs = 0) {
    this.#program = program;
    this.#kind = kind;
    this.#restMs = restMs;
    this.#over = this.#listen();
  }

  /** Resolves when it listens for the first time. */
  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  /** Breaks its connection; it comes back. */
  cut(): void {
    this.cuts++;
    this.#cut();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    this.#cut();
    await this.#over;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #listen(): Promise<void> {
    while (!this.#isOver) {
      try {
        await (this.#kind === "sse" ? this.#readStream() : this.#readSocket());
      } catch (error) {
        if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
      }
      await pause(10); // The program may be starting anew.
    }
  }

  #note({ id, type, memory_id, reason, position }: Message): void {
    if (reason !== undefined) this.ends.push(reason);
    else if (memory_id !== undefined) {
      this.heard.push({ id, type, memory_id });
      this.#position = id;
    } else if (type === "subscribed") this.#began(position ?? null);
  }

  #began(position: string | null): void {
    this.#position = position;
    this.#begun.resolve();
  }

  async #readStream(): Promise<void> {
    const abort = new AbortController();
    this.#cut = () => abort.abort();
    const response = await fetch(`${this.#program().url}/events`, {
      headers: { "X-API-Key": KEY, ...(this.#position && { "Last-Event-ID": this.#position }) },
      signal: abort.signal,
    });
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel();
      return;
    }
    let text = "";
    for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
      text += part;
      const pieces = text.split("\n\n");
      text = pieces.pop() ?? "";
      for (const piece of pieces) {
        const data = /^data: (.*)$/m.exec(piece)?.[1];
        if (data !== undefined) this.#note(JSON.parse(data));
        else this.#began(/^id: (.*)$/m.exec(piece)?.[1] ?? this.#position);
      }
      if (this.#restMs > 0) await pause(this.#restMs);
    }
  }

  async #readSocket(): Promise<void> {
    const { port } = this.#program();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, [
      "second-brain.v1",
      `bearer.${KEY}`,
    ]);
    this.#cut = () => socket.close();
    socket.onopen = () => {
      const resume = this.#position && { last_event_id: this.#position };
      socket.send(JSON.stringify({ type: "subscribe", ...resume }));
    };
    socket.onmessage = ({ data }) => this.#note(JSON.parse(data));
    socket.onerror = () => {};
    await new Promise<void>((resolve) => {
      socket.onclose = ({ code }) => {
        if (code === 1001) this.ends.push("stopping");
        resolve();
      };
    });
  }
}
