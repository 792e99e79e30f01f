/**
 * The names that the service answers to. A web page can have its own name lead to this machine
 * (DNS rebinding), and its browser then takes the two for one place; the `Host` still says the
 * page's name. An address in figures needs no DNS, so it cannot be turned that way.
 */
import { AppError } from "../errors.ts";

/** Throws `misdirected` where the request was meant for another; the port does not matter. */
export type HostCheck = (hostname: string) => void;

/**
 * On loopback only this machine's own names, addresses, and what is allowed beside them. On other
 * addresses nobody can know the names that lead here: there the check begins with a list.
 */
export function hostCheck(boundTo: string, allowed: readonly string[]): HostCheck {
  if (allowed.length === 0 && !isOwnName(boundTo)) return () => {};
  const names = new Set([boundTo, ...allowed].map(nameOf));
  return (hostname) => {
    const name = nameOf(hostname);
    if (isOwnName(name) || isAddress(name) || names.has(name)) return;
    throw new AppError(
      "misdirected",
      "Cannot answer: the request is for another host; if this service goes by that name, " +
        "name it in ALLOWED_HOSTS",
    );
  };
}

/** In lower case, without the port, and without the dot that may end a full name. */
function nameOf(host: string): string {
  const name = /^(\[.*\]|[^:]*)(:\d*)?$/.exec(host)?.[1] ?? host;
  return name.toLowerCase().replace(/\.$/, "");
}

/** What leads to this very machine, whatever a name server says (RFC 6761, 6.3). */
function isOwnName(name: string): boolean {
  return /^(.+\.)?localhost$|^127(\.\d{1,3}){3}$|^\[?::1\]?$/.test(name);
}

function isAddress(name: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$|^\[[0-9a-f:.]+\]$/.test(name);
}
