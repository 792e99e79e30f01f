/** mem0's hosted API on its own router. */
import type { Scope } from "../../scope.ts";
import type { Mem0Options } from "../mem0.ts";

export function mem0Api(_options: Mem0Options): (
  request: Request,
  scope: Scope,
) => Promise<Response> {
  return () => Promise.reject(new Error("Cannot answer: not there yet"));
}
