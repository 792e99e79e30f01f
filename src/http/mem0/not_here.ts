/** What mem0's service has and one person's memory has no use for: each is told so, with a way out
 * where there is one. */
import { json } from "../route.ts";

const NOT_HERE: readonly (readonly [RegExp, string])[] = [
  [/^\/api\/v1\/webhooks\b/, "there are no webhooks; listen to GET /events"],
  [/^\/api\/v1\/orgs\b/, "there are no organisations, projects and members: this is one brain"],
  [/^\/v1\/(exports|summary)\b/, "there are no exports by a schema; POST /export gives everything"],
  [/^\/v1\/feedback\b/, "feedback is not kept; change or delete the memory"],
  [/^\/v2\/(profiles|entities\/[^/]+\/[^/]+\/profile)\b/, "there are no profiles; search instead"],
  [/^\/v1\/(users|agents|apps|runs)\b/, "an entity is there with its first memory; add that"],
  [/^\/v1\/(events|stats|dream)\b/, "nothing is told of requests; look at GET /stats and /metrics"],
];

/** Undefined for what their service does not have either. */
export function notHere(path: string): Response | undefined {
  const found = NOT_HERE.find(([pattern]) => pattern.test(path));
  if (found === undefined) return undefined;
  return json(501, { error: "not_supported", detail: `Cannot do this here: ${found[1]}` });
}
