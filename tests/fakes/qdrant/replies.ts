/**
 * The stand-in's replies, in the words of the real Qdrant (`src/actix/helpers.rs`, `auth.rs` and
 * `lib/storage/src/content_manager/errors.rs` of its repository).
 */

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A request that is refused. */
export class Refusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

export const REFUSALS = {
  noCollection: (name: string) =>
    new Refusal(404, `Not found: Collection \`${name}\` doesn't exist!`),
  collectionExists: (name: string) =>
    new Refusal(409, `Wrong input: Collection \`${name}\` already exists!`),
  wrongLength: (expected: number, got: number) =>
    new Refusal(
      400,
      `Wrong input: Vector dimension error: expected dim: ${expected}, got ${got}`,
    ),
  noPoint: (id: string | number) => new Refusal(404, `Not found: No point with id ${id} found`),
  wrongBody: (why: string) => new Refusal(400, `Format error in JSON body: ${why}`),
  invalidBody: (why: string) => new Refusal(422, `Validation error in JSON body: [${why}]`),
  wrongId: (id: unknown) =>
    REFUSALS.wrongBody(
      `value ${id} is not a valid point ID, valid values are either an unsigned integer or a UUID`,
    ),
  tooLarge: () => new Refusal(413, "Payload error: JSON payload is larger than allowed"),
  diskFull: () =>
    new Refusal(
      500,
      "Service internal error: No space left on device: WAL buffer size exceeds available disk space",
    ),
  /** Only the status is known for sure: `StorageError::InsufficientStorage`, of 2026. */
  storageLimit: () => new Refusal(507, "Insufficient storage: the limit of the disk is reached"),
  outOfMemory: () =>
    new Refusal(500, "Service internal error: Out of memory, free: 0, cannot allocate"),
  panicked: () => new Refusal(500, "Service internal error: task panicked"),
  unavailable: () => new Refusal(503, "Shard temporarily unavailable: The shard is not ready yet"),
  tooMany: (seconds: number) =>
    new Refusal(429, "Rate limiting exceeded: Read rate limit exceeded, retry later", {
      "retry-after": String(seconds),
    }),
} as const;

const JSON_TYPE = { "content-type": "application/json" };

export function resultOf(result: unknown): Answer {
  const body = JSON.stringify({ result, status: "ok", time: 0.000_1 });
  return { status: 200, body, headers: JSON_TYPE };
}

export function refused({ status, message, headers }: Refusal): Answer {
  const body = JSON.stringify({ status: { error: message }, time: 0.000_1 });
  return { status, body, headers: { ...JSON_TYPE, ...headers } };
}

export function plain(status: number, body: string): Answer {
  return { status, body, headers: { "content-type": "text/plain; charset=utf-8" } };
}
