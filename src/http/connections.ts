/**
 * The connections of a server: few enough for its descriptors, and none that holds up its end. A
 * connection waits while no request of it is being answered: in the middle of a head, or between
 * two requests.
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";

export class Connections {
  readonly #most: number;
  /** How many requests of each are being answered. */
  readonly #running = new Map<Socket, number>();
  /** The one that has waited for its client the longest is the first. */
  readonly #waiting = new Set<Socket>();
  #closing = false;

  constructor(server: Server, most: number) {
    this.#most = most;
    server.on("connection", (socket: Socket) => this.#opened(socket));
    server.on("request", ({ socket }, response) => {
      this.#count(socket, 1);
      response.once("close", () => this.#count(socket, -1));
    });
  }

  /**
   * One too many closes the one that has waited the longest: many that say nothing cannot keep out
   * one that asks, and what is being answered stays.
   */
  #opened(socket: Socket): void {
    this.#running.set(socket, 0);
    this.#waiting.add(socket);
    socket.once("close", () => {
      this.#running.delete(socket);
      this.#waiting.delete(socket);
    });
    const [longest] = this.#waiting;
    if (this.#running.size > this.#most) longest?.destroy();
  }

  #count(socket: Socket, by: 1 | -1): void {
    const before = this.#running.get(socket);
    if (before === undefined) return; // Closed meanwhile.
    this.#running.set(socket, before + by);
    if (before + by > 0) this.#waiting.delete(socket);
    else if (this.#closing) socket.end();
    else this.#waiting.add(socket);
  }

  /** Ends what waits now, and each other one after its last reply. */
  close(): void {
    this.#closing = true;
    for (const socket of this.#waiting) socket.destroy();
  }
}
