/**
 * The face that mem0's own clients are served with: their hosted API, as far as it has a meaning for
 * one person's memory. What is kept are ordinary memories; who or what they are of stands in their
 * metadata. What answers is loaded with the first request.
 */
import type { Face } from "./face.ts";
import type { Mem0ApiOptions } from "./mem0/options.ts";
import { mem0Problem } from "./mem0/problem.ts";

export interface Mem0Options extends Omit<Mem0ApiOptions, "extraction"> {
  /** Asked once, with the first request. */
  readonly extraction: () => Promise<Mem0ApiOptions["extraction"]>;
}

export function mem0Face(options: Mem0Options): Face {
  let api: Promise<Face["answer"]> | undefined;
  return {
    paths: ["/v1", "/v2", "/v3", "/api/v1"],
    credentials: bearerOf,
    async answer(request, scope, admitted) {
      api ??= load(options).catch((error) => {
        api = undefined; // The next request tries again.
        throw error;
      });
      return await (await api)(request, scope, admitted);
    },
    refuse: mem0Problem,
  };
}

async function load({ extraction, ...options }: Mem0Options): Promise<Face["answer"]> {
  const [{ mem0Api }, found] = await Promise.all([import("./mem0/api.ts"), extraction()]);
  return mem0Api({ ...options, extraction: found });
}

/** Its clients call the scheme `Token`. */
function bearerOf(headers: Headers): Headers {
  const token = /^Token +(.*)$/i.exec(headers.get("authorization") ?? "")?.[1];
  if (token === undefined) return headers;
  const ours = new Headers(headers);
  ours.set("Authorization", `Bearer ${token}`);
  return ours;
}
