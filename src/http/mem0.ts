/**
 * The face that mem0's own clients are served with: their hosted API, as far as it has a meaning for
 * one person's memory. What is kept are ordinary memories; who or what they are of stands in their
 * metadata. What answers is loaded with the first request.
 */
import type { Brain } from "../brain.ts";
import type { Clock } from "../clock.ts";
import { type AppError, type ErrorCode, STATUS } from "../errors.ts";
import type { Extraction } from "../extraction.ts";
import type { Scope } from "../scope.ts";
import type { BodyLimits } from "./body.ts";
import type { Face } from "./face.ts";
import { json } from "./route.ts";

export interface Mem0Options {
  readonly brain: Brain;
  /** What makes memories of conversations; undefined where no chat model is set. */
  readonly extraction: () => Promise<Extraction | undefined>;
  readonly bodyLimits: BodyLimits;
  readonly clock: Clock;
  readonly newId: () => string;
}

export function mem0Face(options: Mem0Options): Face {
  let api: Promise<(request: Request, scope: Scope) => Promise<Response>> | undefined;
  return {
    paths: ["/v1", "/v2", "/v3", "/api/v1"],
    credentials: bearerOf,
    async answer(request, scope) {
      api ??= import("./mem0/api.ts").then(({ mem0Api }) => mem0Api(options));
      return await (await api)(request, scope);
    },
    refuse: mem0Problem,
  };
}

/** Its clients call the scheme `Token`. */
function bearerOf(headers: Headers): Headers {
  const token = /^Token +(.*)$/i.exec(headers.get("authorization") ?? "")?.[1];
  if (token === undefined) return headers;
  const ours = new Headers(headers);
  ours.set("Authorization", `Bearer ${token}`);
  return ours;
}

/** What its clients know better by another status than ours. */
const THEIR_STATUS: Partial<Record<ErrorCode, number>> = {
  // Validation fails with this one there.
  invalid: 400,
  // The only one that they take for a quota.
  insufficient_storage: 413,
};

/** Python's client shows `detail`; the other one shows the whole body. */
export function mem0Problem({ code, message, retryAfterS, allow }: AppError): Response {
  const headers = {
    ...(retryAfterS !== undefined && { "Retry-After": String(Math.ceil(retryAfterS)) }),
    ...(code === "unauthorized" && { "WWW-Authenticate": "Token" }),
    ...(allow !== undefined && { Allow: allow.join(", ") }),
  };
  return json(THEIR_STATUS[code] ?? STATUS[code], { error: code, detail: message }, headers);
}
