/**
 * A brain's keys: in the Secret in his namespace, and nowhere else. Only ever created, and replaced
 * by compare-and-set: applied like other objects, a key that was read before a rotation could be put
 * back after it.
 */
import { z } from "zod";
import { ClusterError } from "../cluster.ts";
import type { KubeObject, KubeRef } from "../kube_object.ts";
import type { BrainKeys } from "../manifests.ts";
import type { UserRecord } from "../record.ts";
import { namespaceOf } from "../user_id.ts";

const NAME = "brain-key";
/** Which operation made the key that is current. */
const MADE_BY = "second-brain/key-made-by";

const secretSchema = z.looseObject({ data: z.record(z.string(), z.string()).optional() });

export interface KeysFound {
  readonly current: string;
  readonly previous: string | undefined;
  readonly madeBy: string | undefined;
}

export function keySecretRef({ slug }: Pick<UserRecord, "slug">): KubeRef {
  return { apiVersion: "v1", kind: "Secret", namespace: namespaceOf(slug), name: NAME };
}

export function isKeySecret({ kind, metadata: { name } }: KubeObject): boolean {
  return kind === "Secret" && name === NAME;
}

/** 256 bits as text that needs no quoting anywhere. */
export function newKey(randomBytes: (bytes: number) => Uint8Array): string {
  return randomBytes(32).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Undefined where the Secret holds no key. */
export function keysIn(secret: KubeObject): KeysFound | undefined {
  const data = secretSchema.parse(secret).data ?? {};
  const current = text(data["key"]);
  if (current === undefined) return undefined;
  const madeBy = secret.metadata.annotations?.[MADE_BY];
  return { current, previous: text(data["previous"]), madeBy };
}

export function requireKeys(secret: KubeObject | undefined): KeysFound {
  const keys = secret === undefined ? undefined : keysIn(secret);
  if (keys !== undefined) return keys;
  throw new ClusterError("not_found", 404, "NoKey", "the brain has no key");
}

/** As `secret` is, with these keys in it. */
export function withKeys(
  secret: KubeObject,
  { current, previous }: Pick<BrainKeys, "current" | "previous">,
  madeBy: string,
): KubeObject {
  const { stringData: _, ...rest } = secret;
  const annotations = { ...secret.metadata.annotations, [MADE_BY]: madeBy };
  return {
    ...rest,
    metadata: { ...secret.metadata, annotations },
    data: { key: base64(current), previous: base64(previous ?? "") },
  };
}

function text(encoded: string | undefined): string | undefined {
  if (encoded === undefined || encoded === "") return undefined;
  return new TextDecoder().decode(Uint8Array.fromBase64(encoded));
}

function base64(plain: string): string {
  return new TextEncoder().encode(plain).toBase64();
}
