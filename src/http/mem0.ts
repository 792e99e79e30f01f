/**
 * The face that mem0's own clients are served with: their hosted API, as far as it has a meaning for
 * one person's memory. What is kept are ordinary memories; who or what they are of stands in their
 * metadata. What answers is loaded with the first request.
 */
import type { Face } from "./face.ts";
import type { Mem0Options } from "./mem0/options.ts";
import { mem0Problem } from "./mem0/problem.ts";

export function mem0Face(options: Mem0Options): Face {
  let api: Promise<Face["answer"]> | undefined;
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
