/**
 * What is known of a backup without reading it. A backup is there when, and only when, its manifest
 * is: written last, and removed first. One line of JSON, authenticated by the key that the data was
 * sealed with, and for its own user, life and id alone:
 *
 *     {"format":"second-brain-backup/1","id":"0199…","slug":"ada","life":"0198…",
 *      "at":"2026-01-31T12:00:00.000Z","data":"ada/0198…/0199….3f9a61c2.data","memories":2,
 *      "plain_bytes":812,"plain_sha256":"9c1e…","data_bytes":480,"data_sha256":"77ab…",
 *      "brain_version":"0.1.0","key":"9f1c0e77a244d03b","mac":"51d0…"}
 *
 * The data is NDJSON as the brain exports it, packed (gzip) and then sealed (`sealing.ts`).
 */
import { timingSafeEqual } from "node:crypto";
import { z } from "zod";
import type { BackupKeys } from "./keys.ts";
import { DamagedError } from "./sealing.ts";

export const MOST_MANIFEST_BYTES = 16 * 1024;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const size = z.int().min(0);

const fields = {
  format: z.literal("second-brain-backup/1"),
  id: z.string(),
  slug: z.string(),
  life: z.string(),
  at: z.iso.datetime({ precision: 3 }),
  data: z.string(),
  memories: size,
  plain_bytes: size,
  plain_sha256: sha256,
  data_bytes: size,
  data_sha256: sha256,
  brain_version: z.string().max(100),
  key: z.string(),
};
const manifestSchema = z.strictObject(fields);
const writtenSchema = z.strictObject({ ...fields, mac: z.string() });

export type Manifest = z.infer<typeof manifestSchema>;
/** Whose it must be. */
type Named = Pick<Manifest, "slug" | "life" | "id">;

export function manifestText(manifest: Manifest, keys: BackupKeys): string {
  // In the schema's order, whatever order it was put together in: the MAC is of these bytes.
  const ordered = manifestSchema.parse(manifest);
  const mac = keys.find(manifest.key).mac(JSON.stringify(ordered));
  return JSON.stringify({ ...ordered, mac }) + "\n";
}

/** Throws `DamagedError`, and `ManagerError` where the key is not among ours. */
export function readManifest(text: string, keys: BackupKeys, named: Named): Manifest {
  const { mac, ...manifest } = writtenOf(text);
  const isNamed = manifest.id === named.id && manifest.slug === named.slug &&
    manifest.life === named.life;
  if (!isNamed) throw new DamagedError("its manifest is another's");
  const wanted = keys.find(manifest.key).mac(JSON.stringify(manifest));
  const encoder = new TextEncoder();
  const [said, right] = [encoder.encode(mac), encoder.encode(wanted)];
  if (said.length !== right.length || !timingSafeEqual(said, right)) {
    throw new DamagedError("its manifest was changed");
  }
  return manifest;
}

function writtenOf(text: string) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DamagedError("its manifest is not JSON");
  }
  const parsed = writtenSchema.safeParse(value);
  // Not one byte may be other than as we write it, also where JSON would read the same.
  if (!parsed.success || JSON.stringify(parsed.data) + "\n" !== text) {
    throw new DamagedError("its manifest is not as we write it");
  }
  return parsed.data;
}
