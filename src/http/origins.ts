/**
 * Which web pages may ask: those of this service itself, and of origins that the operator lists.
 * What is no web page sends no `Origin`, and is not concerned.
 *
 * A page of elsewhere is refused before the key is looked at, on every route: it must neither try
 * keys by way of its visitors' browsers, nor use up the patience for wrong ones.
 */
import { AppError } from "../errors.ts";

const ASKED_WITH =
  "Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, MCP-Protocol-Version, " +
  "Mcp-Method, Mcp-Name, Mem0-User-ID, X-API-Key, X-Mem0-Client, X-Request-ID";
const READABLE = "Content-Disposition, ETag, Location, Retry-After, X-Request-ID";
const METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE";
/** How long a browser may remember what it was told. */
const REMEMBER_S = "600";

export class Origins {
  readonly #listed: ReadonlySet<string>;

  constructor(listed: readonly string[]) {
    this.#listed = new Set(listed);
  }

  /** Throws `forbidden` for a page of elsewhere. */
  admit({ headers, url }: Request): void {
    const origin = headers.get("origin");
    if (origin === null || this.#listed.has(origin) || isOwn(origin, url)) return;
    throw new AppError(
      "forbidden",
      "Cannot answer a page of another origin: its origin is not named in CORS_ORIGINS",
    );
  }

  /**
   * The reply to the question that a browser asks by itself, and without a key, before it lets a
   * listed page ask; undefined for any other request. The same for every path: it tells nothing.
   */
  preflight({ method, headers }: Request): Response | undefined {
    const asks = method === "OPTIONS" && headers.has("access-control-request-method");
    if (!asks || !this.#listed.has(headers.get("origin") ?? "")) return undefined;
    return new Response(null, {
      status: 204,
      headers: {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": ASKED_WITH,
        "Access-Control-Max-Age": REMEMBER_S,
      },
    });
  }

  /** Lets a listed page read the reply. Never `*`, and never with cookies: there are none. */
  setHeaders(request: Request, headers: Headers): void {
    if (this.#listed.size === 0) return;
    headers.set("Vary", "Origin");
    const origin = request.headers.get("origin");
    if (origin === null || !this.#listed.has(origin)) return;
    headers.set("Access-Control-Allow-Origin", origin);
    headers.set("Access-Control-Expose-Headers", READABLE);
  }
}

/**
 * The same host and port. The scheme is the page's own: whether there is TLS in front of us, which
 * ends before it comes here, only the page knows.
 */
function isOwn(origin: string, url: string): boolean {
  if (!/^https?:\/\//.test(origin)) return false;
  const own = `${origin.slice(0, origin.indexOf(":"))}://${new URL(url).host}`;
  return URL.canParse(own) && new URL(own).origin === origin;
}
