/**
 * How much of a reply is read. Qdrant's client reads it to its end, however long that is, by the
 * runtime's own `fetch`, and takes no other: so that one is wrapped, for requests that carry a
 * signal which was named here, and for no others.
 */
import { QdrantError } from "./points.ts";

type Fetch = typeof globalThis.fetch;

/** Ten times the longest that is asked for. */
const MAX_REPLY_BYTES = 16 * 2 ** 20;

const bounded = new WeakSet<AbortSignal>();
const wrappers = new WeakSet<Fetch>();

/** Has every reply to a request with a signal that `boundReply` was given end with an error where
 * it is too long. May be called again. */
export function wrapFetch(): void {
  if (wrappers.has(globalThis.fetch)) return;
  const fetchAny = globalThis.fetch;
  const wrapper: Fetch = async (input, init) => {
    const response = await fetchAny(input, init);
    return init?.signal && bounded.has(init.signal) ? boundedResponse(response) : response;
  };
  wrappers.add(wrapper);
  globalThis.fetch = wrapper;
}

export function boundReply(signal: AbortSignal): AbortSignal {
  bounded.add(signal);
  return signal;
}

function boundedResponse({ body, status, statusText, headers }: Response): Response {
  let bytes = 0;
  const counted = body?.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(piece, controller) {
        bytes += piece.length;
        if (bytes <= MAX_REPLY_BYTES) controller.enqueue(piece);
        else controller.error(new QdrantError("busy", "Cannot use Qdrant: its reply has no end"));
      },
    }),
  );
  return new Response(counted ?? null, { status, statusText, headers });
}
