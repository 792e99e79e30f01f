/**
 * The names that the service answers to. A web page can have its own name lead to this machine
 * (DNS rebinding), and its browser then takes the two for one place; the `Host` still says the
 * page's name. An address in figures needs no DNS, so it cannot be turned that way.
 */
import { AppError } from "../errors.ts";

export class OurHosts {
  readonly #names: ReadonlySet<string>;
  readonly #isListed: boolean;
  /** Until it is known what is listened on, as strict as can be. */
  #isChecked = true;

  /** The name that was given to listen on is one of its own. */
  constructor(host: string, allowed: readonly string[]) {
    this.#names = new Set([host, ...allowed].map(nameOf));
    this.#isListed = allowed.length > 0;
  }

  /**
   * On loopback only this machine's own names, addresses, and what is allowed beside them. On other
   * addresses nobody can know the names that lead here: there the check begins with a list. What
   * counts is the address, as many names and spellings lead to loopback.
   */
  boundTo(address: string): void {
    this.#isChecked = this.#isListed || isLoopback(address);
  }

  /** Throws `misdirected` where the request was meant for another; the port does not matter. */
  require(hostname: string): void {
    const name = nameOf(hostname);
    if (!this.#isChecked || isOwnName(name) || isAddress(name) || this.#names.has(name)) return;
    throw new AppError(
      "misdirected",
      "Cannot answer: the request is for another host; if this service goes by that name, " +
        "name it in ALLOWED_HOSTS",
    );
  }
}

/** In lower case, without the port, and without the dot that may end a full name. */
function nameOf(host: string): string {
  const name = /^(\[.*\]|[^:]*)(:\d*)?$/.exec(host)?.[1] ?? host;
  return name.toLowerCase().replace(/\.$/, "");
}

/** What leads to this very machine, whatever a name server says (RFC 6761, 6.3). */
function isOwnName(name: string): boolean {
  return /^(.+\.)?localhost$/.test(name);
}

/** An IPv4 address may come in the form of an IPv6 one (RFC 4291, 2.5.5.2). */
function isLoopback(address: string): boolean {
  return /^(::ffff:)?127(\.\d{1,3}){3}$|^::1$|^::ffff:7f[0-9a-f]{2}:/i.test(address);
}

function isAddress(name: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$|^\[[0-9a-f:.]+\]$/.test(name);
}
