/** What the API server answers: read in bounded memory, and its refusals put into our words. */
import { z } from "zod";
import { joinBytes } from "../../lines.ts";
import { ClusterError, type ClusterFault } from "../cluster.ts";

const MOST_REFUSAL_BYTES = 256 * 1024;
const MOST_CHARACTERS = 500;
/** What a server may ask to be waited for, at the most. */
const MOST_RETRY_AFTER_S = 3_600;

const statusSchema = z.looseObject({
  kind: z.literal("Status"),
  code: z.int().optional(),
  reason: z.string().default(""),
  message: z.string().default(""),
  details: z.looseObject({
    name: z.string().optional(),
    kind: z.string().optional(),
    retryAfterSeconds: z.number().optional(),
    causes: z.array(z.looseObject({ field: z.string().optional() })).optional(),
  }).nullish(),
});
type Status = z.infer<typeof statusSchema>;

export interface Refusal {
  readonly error: ClusterError;
  /** What the server asked us to wait. */
  readonly retryAfterMs: number | undefined;
}

/** Throws `unavailable` where it is longer than allowed. */
export async function readBytes(response: Response, mostBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    // Leaving the loop lets go of the connection as well.
    if (bytes > mostBytes) {
      const message = `Cannot read the API server's reply: it has more than ${mostBytes} bytes`;
      throw new ClusterError("unavailable", response.status, "", message);
    }
    pieces.push(piece);
  }
  return joinBytes(pieces);
}

/** Throws `unavailable` where it is no JSON. */
export function parseReply(bytes: Uint8Array, status = 200): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    const message = "Cannot read the API server's reply: it is no JSON";
    throw new ClusterError("unavailable", status, "", message);
  }
}

/** `isSecret`: what was sent, or asked for, may stand in the server's words. */
export async function readRefusal(response: Response, isSecret: boolean): Promise<Refusal> {
  const { status } = response;
  const bytes = await readBytes(response, MOST_REFUSAL_BYTES);
  const named = Number(response.headers.get("retry-after") ?? NaN);
  return refusalOf(statusOf(bytes), status, isSecret, named);
}

/** Of an object that came instead of what was asked for, as watches do. */
export function refusalIn(value: unknown): Refusal {
  const { success, data } = statusSchema.safeParse(value);
  return refusalOf(success ? data : undefined, success ? data.code ?? 500 : 500, false, NaN);
}

function statusOf(bytes: Uint8Array): Status | undefined {
  try {
    return statusSchema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    // A proxy in between, or a path that the server does not know at all: the number must do.
    return undefined;
  }
}

function refusalOf(
  status: Status | undefined,
  code: number,
  isSecret: boolean,
  namedS: number,
): Refusal {
  const reason = status?.reason ?? "";
  const fault = faultOf(code, status);
  const error = new ClusterError(fault, code, reason, messageOf(status, code, isSecret));
  const seconds = Number.isFinite(namedS) ? namedS : status?.details?.retryAfterSeconds;
  if (seconds === undefined || !(seconds >= 0)) return { error, retryAfterMs: undefined };
  return { error, retryAfterMs: Math.min(seconds, MOST_RETRY_AFTER_S) * 1_000 };
}

function messageOf(status: Status | undefined, code: number, isSecret: boolean): string {
  if (status === undefined) return `The API server answered ${code}`;
  if (!isSecret) return status.message.slice(0, MOST_CHARACTERS);
  const fields = (status.details?.causes ?? []).map(({ field }) => field ?? "").filter(Boolean);
  const where = fields.length === 0 ? "" : ` at ${fields}`;
  return `The API server answered ${code} ${status.reason}${where}`.slice(0, MOST_CHARACTERS);
}

function faultOf(code: number, status: Status | undefined): ClusterFault {
  if (code === 404) return isNoSuchResource(status) ? "unsupported" : "not_found";
  if (code === 405) return "unsupported";
  if (code === 409) return status?.reason === "AlreadyExists" ? "already_exists" : "conflict";
  if (code === 403) return "forbidden";
  if (code === 410) return "gone";
  // An unknown field of an apply; it is no better the next time.
  if (code === 500 && /typed patch object/.test(status?.message ?? "")) return "invalid";
  // A token that ran out, or is not known yet: the next one may be.
  if (code < 400 || [401, 408, 429].includes(code) || code >= 500) return "unavailable";
  return "invalid";
}

/** Of an object that is not there the server says which; of a kind it does not know, nothing. */
function isNoSuchResource(status: Status | undefined): boolean {
  return status === undefined || status.details?.name === undefined;
}
