/**
 * The connections of a server: few enough for its descriptors, and none that holds up its end. A
 * connection waits while no request of it is being answered: in the middle of a head, or between
 * two requests.
 */
import type { Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** Descriptors that are left to files and to calls of our own where connections took them all. */
const SPARE = 16;

export class Connections {
  #most: number;
  /** The replies of each that are on their way. */
  readonly #running = new Map<Duplex, Set<ServerResponse>>();
  /** The one that has waited for its client the longest is the first. */
  readonly #waiting = new Set<Duplex>();
  /** Those that end after their last reply. */
  readonly #ending = new WeakSet<Duplex>();
  #closing = false;

  constructor(server: Server, most: number) {
    this.#most = most;
    server.on("connection", (socket: Duplex) => this.#opened(socket));
    server.on("request", ({ socket }, reply) => this.#began(socket, reply));
  }

  /**
   * One too many closes the one that has waited the longest: many that say nothing cannot keep out
   * one that asks, and what is being answered stays.
   */
  #opened(socket: Duplex): void {
    this.#running.set(socket, new Set());
    this.#waiting.add(socket);
    socket.once("close", () => {
      this.#running.delete(socket);
      this.#waiting.delete(socket);
    });
    const [longest] = this.#waiting;
    if (this.#running.size > this.#most) longest?.destroy();
  }

  #began(socket: Duplex, reply: ServerResponse): void {
    this.#running.get(socket)?.add(reply);
    this.#waiting.delete(socket);
    reply.once("close", () => {
      const replies = this.#running.get(socket);
      if (replies === undefined) return; // Closed meanwhile.
      replies.delete(reply);
      if (replies.size > 0) return;
      if (this.#closing || this.#ending.has(socket)) socket.end();
      else this.#waiting.add(socket);
    });
  }

  /** The replies on their way to it. */
  running(socket: Duplex): readonly ServerResponse[] {
    return [...this.#running.get(socket) ?? []];
  }

  /** Ends it after its last reply. */
  endAfter(socket: Duplex): void {
    this.#ending.add(socket);
  }

  /** There are no descriptors for so many as there are: fewer from now on. */
  makeRoom(): void {
    const count = this.#running.size;
    if (count <= 2 * SPARE) return; // It was not they who took them.
    this.#most = count - SPARE;
    for (const socket of [...this.#waiting].slice(0, SPARE)) socket.destroy();
  }

  /** Ends what waits now, and each other one after its last reply. */
  close(): void {
    this.#closing = true;
    for (const socket of this.#waiting) socket.destroy();
  }
}
