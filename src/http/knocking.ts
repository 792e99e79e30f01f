/**
 * Knocks at the service's own door. Where the process has no descriptor left for a connection, the
 * runtime gives up listening without a word, and does not begin again once there are some (seen
 * with Deno 2.9.6, whose node:http drops the error of an accept). So the service calls on itself
 * now and then; where nobody opens, some of those that wait for nothing are sent away, fewer are let
 * in from then on, and it listens anew.
 */
import type { Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Connections } from "./connections.ts";

const EVERY_MS = 5_000;
const ANSWER_MS = 3_000, LOOK_UP_MS = 100;
const SOON_MS = 100;

export class Knocking {
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #address: AddressInfo;
  readonly #log: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(server: Server, connections: Connections, address: AddressInfo, log: () => void) {
    this.#server = server;
    this.#connections = connections;
    this.#address = address;
    this.#log = log;
  }

  start(): void {
    // Taken by somebody else meanwhile, or no descriptor even for this.
    this.#server.on("error", () => this.#listenSoon());
    this.#wait();
  }

  #wait(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(async () => {
      if (!await this.#isHeard() && !this.#stopped) this.#listenAnew();
      this.#wait();
    }, EVERY_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #isHeard(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const socket = connect(this.#address.port, this.#host);
    // Whoever is let in, it listens; and ours may be closed as one too many before it knows of it.
    const opened = () => resolve(true);
    this.#server.prependOnceListener("connection", opened);
    socket.on("error", () => resolve(false));
    // Where the process is at something else meanwhile, it has a moment to look up.
    const lookUp = () => {
      const began = performance.now();
      const isBusy = () => performance.now() - began > 2 * LOOK_UP_MS;
      late = setTimeout(() => isBusy() ? lookUp() : resolve(false), LOOK_UP_MS);
    };
    let late = setTimeout(lookUp, ANSWER_MS);
    return promise.finally(() => {
      clearTimeout(late);
      this.#server.off("connection", opened);
      socket.destroy();
    });
  }

  get #host(): string {
    const { address, family } = this.#address;
    if (!["0.0.0.0", "::"].includes(address)) return address;
    return family === "IPv6" ? "::1" : "127.0.0.1";
  }

  #listenAnew(): void {
    this.#log();
    this.#connections.makeRoom();
    this.#server.close();
    this.#listenSoon();
  }

  /** Once the descriptors of those that were closed are free. */
  #listenSoon(): void {
    setTimeout(() => {
      const { address, port } = this.#address;
      if (!this.#stopped && !this.#server.listening) this.#server.listen(port, address);
    }, SOON_MS);
  }
}
