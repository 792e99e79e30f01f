/**
 * The closed set of things that can go wrong, and the HTTP status of each.
 *
 * A message reads "Cannot <do>: <state>", names the offending value and the way out, and never
 * carries a secret, a memory's content or a file path: it is shown to the caller as it stands.
 * Anything thrown that is not an `AppError` is a defect: logged, and answered as `internal`.
 */

/** Every error code, with the HTTP status it is answered with. */
export const STATUS = {
  malformed: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  conflict: 409,
  precondition_failed: 412,
  too_large: 413,
  unsupported_media_type: 415,
  misdirected: 421,
  invalid: 422,
  rate_limited: 429,
  head_too_large: 431,
  internal: 500,
  not_ready: 503,
  overloaded: 503,
  read_only: 503,
  storage_failed: 503,
  insufficient_storage: 507,
} as const;

export type ErrorCode = keyof typeof STATUS;

/** One offending place in a request; `path` is a JSON pointer (RFC 6901) into it. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
  /** In an import: which record, counted from 0, the id it gave, and the message again. */
  readonly index?: number;
  readonly id?: string | null;
  readonly reason?: string;
}

export interface AppErrorOptions {
  readonly errors?: readonly FieldError[];
  /** Seconds after which the same request may succeed. */
  readonly retryAfterS?: number;
  /** The methods that a path allows, for `method_not_allowed`. */
  readonly allow?: readonly string[];
  readonly cause?: unknown;
}

export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly errors: readonly FieldError[] | undefined;
  readonly retryAfterS: number | undefined;
  readonly allow: readonly string[] | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.errors = options.errors;
    this.retryAfterS = options.retryAfterS;
    this.allow = options.allow;
  }
}

/** A JSON pointer (RFC 6901) from the keys that lead to a value. */
export function jsonPointer(path: readonly PropertyKey[]): string {
  return path.map((key) => "/" + String(key).replaceAll("~", "~0").replaceAll("/", "~1")).join("");
}
