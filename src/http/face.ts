/**
 * Another protocol over the same door: what stands at paths of its own, in words of its own, such as
 * the Model Context Protocol. Host and Origin, the key, the rate and whether the brain is ready are
 * looked at before it is asked.
 */
import type { AppError } from "../errors.ts";
import type { Admitted, Scope } from "../scope.ts";

export interface Face {
  /** Where it stands, such as `/mcp`: there and everywhere below, whatever the method. */
  readonly paths: readonly string[];
  /** What its clients send as credentials, as ours do; left out, they do as ours do. */
  credentials?(headers: Headers): Headers;
  /** Throws `AppError` for what goes wrong before it has words of its own for it. */
  answer(request: Request, scope: Scope, admitted: Admitted): Promise<Response>;
  /** How its clients are told so; left out, by a problem document. */
  refuse?(error: AppError): Response;
}

/** The face that stands at a path, and where it stands: that is what its requests are counted as. */
export function faceAt(faces: readonly Face[], pathname: string) {
  for (const face of faces) {
    const path = face.paths.find((path) => pathname === path || pathname.startsWith(`${path}/`));
    if (path !== undefined) return { face, path };
  }
  return undefined;
}
