/**
 * The connections of a server: few enough for its descriptors and its memory, and none that holds up
 * its end. A connection waits while no request of it is being answered: in the middle of a head, or
 * between two requests. It is stalled while its client takes nothing of what is being sent to it.
 * Those that listen, for as long as they like, take no room from those that ask.
 */
import type { Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

export interface ConnectionLimits {
  /** There are never more than this, beside those that listen. */
  readonly most: number;
  /** So many may listen: whoever lets them in minds it. */
  readonly mostListening: number;
  /** Who asks for more before one is answered does not mean to read them. */
  readonly mostReplies: number;
  /** A client that takes nothing of a reply for so long does not want it. */
  readonly stalledMs: number;
  /** After so long without trouble, there may be more again. */
  readonly calmMs: number;
  /** How often it is looked who is stalled. */
  readonly lookMs: number;
  /** A client that was told that it is over has so long to go. */
  readonly leaveMs: number;
}

interface Connection {
  readonly socket: Socket;
  /** The replies that are on their way. */
  readonly replies: Set<ServerResponse>;
  takenBytes: number;
  /** When its client took something, or there was nothing to take. */
  tookAt: number;
}

/** Descriptors that are left to files and to calls of our own where connections took them all. */
const SPARE = 16;

export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #mostChanged: (most: number, mostListening: number) => void;
  #most: number;
  #mostListening: number;
  /** When there were last too few descriptors, or nearly as many connections as there may be. */
  #troubleAt = 0;
  readonly #open = new Map<Duplex, Connection>();
  /** The one that has waited for its client the longest is the first. */
  readonly #waiting = new Set<Duplex>();
  /** The one that has listened the longest is the first. */
  readonly #listening = new Set<Duplex>();
  /** Those that end after their last reply. */
  readonly #ending = new WeakSet<Duplex>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #isClosing = false;

  /** To be made before anybody else hears the server's requests: some are none to be answered. */
  constructor(
    server: Server,
    limits: ConnectionLimits,
    mostChanged: (most: number, mostListening: number) => void,
  ) {
    this.#limits = limits;
    this.#most = limits.most;
    this.#mostListening = limits.mostListening;
    this.#mostChanged = mostChanged;
    mostChanged(limits.most, limits.mostListening);
    server.on("connection", (socket: Socket) => this.#opened(socket));
    server.on("request", ({ socket }, reply) => this.#began(socket, reply));
    server.on("upgrade", ({ socket }) => this.#waiting.delete(socket));
    server.once("listening", () => {
      this.#timer = setInterval(() => this.#lookAtAll(), limits.lookMs);
    });
  }

  /**
   * One too many closes another: many that say nothing, take nothing or ask for much at once cannot
   * keep out one that asks. Where each of them is being answered, it is itself the one.
   */
  #opened(socket: Socket): void {
    const asking = this.#open.size - this.#listening.size;
    const other = asking < this.#most ? undefined : this.#leastMissed() ?? socket;
    const now = performance.now();
    this.#open.set(socket, { socket, replies: new Set(), takenBytes: 0, tookAt: now });
    this.#waiting.add(socket);
    socket.once("close", () => this.#forget(socket));
    if (other !== undefined) this.#destroy(other);
  }

  #forget(socket: Duplex): void {
    this.#open.delete(socket);
    this.#waiting.delete(socket);
    this.#listening.delete(socket);
  }

  #destroy(socket: Duplex): void {
    this.#forget(socket);
    socket.destroy();
  }

  /** The one that has waited or else been stalled the longest, or that asks for most at once. */
  #leastMissed(): Duplex | undefined {
    const [longest] = this.#waiting;
    if (longest !== undefined) return longest;
    const now = performance.now();
    let stalled: Connection | undefined, greedy: Connection | undefined;
    for (const connection of this.#open.values()) {
      if (this.#listening.has(connection.socket)) continue;
      const tookAt = lookAt(connection, now);
      const takesNothing = connection.socket.writableLength > 0;
      if (takesNothing && tookAt < (stalled?.tookAt ?? Infinity)) stalled = connection;
      if (connection.replies.size > (greedy?.replies.size ?? 1)) greedy = connection;
    }
    return (stalled ?? greedy)?.socket;
  }

  #lookAtAll(): void {
    const now = performance.now();
    const { stalledMs, calmMs, most, mostListening } = this.#limits;
    for (const connection of [...this.#open.values()]) {
      if (now - lookAt(connection, now) > stalledMs) this.#destroy(connection.socket);
    }
    const asking = this.#open.size - this.#listening.size;
    if (asking > this.#most / 2) this.#troubleAt = now;
    const isAll = this.#most === most && this.#mostListening === mostListening;
    if (isAll || now - this.#troubleAt < calmMs) return;
    this.#troubleAt = now;
    this.#allow(Math.min(2 * this.#most, most), Math.min(2 * this.#mostListening, mostListening));
  }

  #allow(most: number, mostListening: number): void {
    this.#most = most;
    this.#mostListening = mostListening;
    this.#mostChanged(most, mostListening);
  }

  /** From now on, or until its reply is over, it is there to be told something now and then. */
  listens(socket: Duplex): void {
    if (!this.#open.has(socket)) return; // It is gone.
    this.#waiting.delete(socket);
    this.#listening.add(socket);
    if (this.#isClosing) this.#leaveSoon(socket);
  }

  #began(socket: Duplex, reply: ServerResponse): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return; // Destroyed, with more requests behind.
    const { replies } = connection;
    if (replies.size === this.#limits.mostReplies) return this.#destroy(socket);
    replies.add(reply);
    this.#waiting.delete(socket);
    reply.once("close", () => {
      replies.delete(reply);
      this.#listening.delete(socket);
      if (replies.size > 0 || !this.#open.has(socket)) return;
      this.#waiting.add(socket);
      if (this.#isClosing) socket.end();
      else if (this.#ending.has(socket)) this.#end(socket);
    });
  }

  /** Its client may keep its own half open, and need not ever close it. */
  #end(socket: Duplex): void {
    socket.end();
    this.#leaveSoon(socket);
  }

  #leaveSoon(socket: Duplex): void {
    const late = setTimeout(() => this.#destroy(socket), this.#limits.leaveMs);
    socket.once("close", () => clearTimeout(late));
  }

  /** The replies on their way to it. */
  running(socket: Duplex): readonly ServerResponse[] {
    return [...this.#open.get(socket)?.replies ?? []];
  }

  /** Ends it after its last reply. */
  endAfter(socket: Duplex): void {
    this.#ending.add(socket);
  }

  /** There are no descriptors for so many as there are: fewer, until there was no trouble for long. */
  makeRoom(): void {
    const listening = this.#listening.size, asking = this.#open.size - listening;
    if (listening + asking <= 2 * SPARE) return; // It was not they who took them.
    this.#troubleAt = performance.now();
    const isAsking = asking > 2 * SPARE;
    if (isAsking) this.#allow(asking - SPARE, Math.max(listening, SPARE));
    else this.#allow(this.#most, listening - SPARE);
    for (let left = SPARE; left > 0; left--) {
      const [oldest] = this.#listening;
      const socket = isAsking ? this.#leastMissed() : oldest;
      if (socket !== undefined) this.#destroy(socket);
    }
  }

  /**
   * Ends what waits now, and each other one after its last reply; those that listen were told to
   * go, and have a moment for it.
   */
  close(): void {
    this.#isClosing = true;
    clearInterval(this.#timer);
    for (const socket of this.#waiting) socket.destroy();
    for (const socket of this.#listening) this.#leaveSoon(socket);
  }
}

/** Notes what its client has taken, and says when that was. */
function lookAt(connection: Connection, now: number): number {
  const { writableLength, bytesWritten } = connection.socket;
  const takenBytes = bytesWritten - writableLength;
  if (writableLength === 0 || takenBytes !== connection.takenBytes) connection.tookAt = now;
  connection.takenBytes = takenBytes;
  return connection.tookAt;
}
