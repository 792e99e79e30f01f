/** Takes away the key before the last rotation, once its grace is over. */
import type { Cluster } from "../cluster.ts";
import type { UserRecord } from "../record.ts";
import type { Register } from "../register.ts";
import { keySecretRef, keysIn, withKeys } from "./keys.ts";

/**
 * The Secret is read before the record: a rotation writes them in the other order, so what is
 * replaced here cannot be the former key of one that has just begun.
 */
export async function dropPreviousKey(
  { cluster, register }: { readonly cluster: Cluster; readonly register: Register },
  { slug, life, previousKeyUntil }: UserRecord,
): Promise<void> {
  const secret = await cluster.get(keySecretRef({ slug }));
  const keys = secret === undefined ? undefined : keysIn(secret);
  if (secret === undefined || keys?.previous === undefined) return;
  const now = (await register.get(slug))?.record;
  const isSame = now?.life === life && now.operation === null &&
    now.previousKeyUntil === previousKeyUntil;
  if (!isSame) return;
  const { current, madeBy = "" } = keys;
  await cluster.replace(withKeys(secret, { current, previous: undefined }, madeBy));
}
