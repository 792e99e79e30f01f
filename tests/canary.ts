/** Secrets that must not come out: how they might look, and where a text or a folder shows one. */
import { createHash } from "node:crypto";

/** Every form in which a secret could slip out; short ones would be found by chance. */
function formsOf(secret: string): readonly string[] {
  const bytes = new TextEncoder().encode(secret);
  // A group of three bytes may begin at each of three places: what lies within is the same.
  const base64 = [0, 1, 2].map((skip) => {
    const text = bytes.subarray(skip, skip + Math.floor((bytes.length - skip) / 3) * 3).toBase64();
    return text.replaceAll("=", "");
  });
  const hash = createHash("sha256").update(secret);
  return [
    secret,
    secret.toUpperCase(),
    secret.toLowerCase(),
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
    bytes.toHex(),
    [...secret].toReversed().join(""),
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    hash.copy().digest("hex"),
    hash.copy().digest("base64"),
  ].filter((form) => form.length >= 8);
}

const known = new Map<string, readonly string[]>();

/** The secrets that a text shows, in whatever form. */
export function leaks(text: string, secrets: readonly string[]): string[] {
  return secrets.filter((secret) => {
    const forms = known.get(secret) ?? formsOf(secret);
    known.set(secret, forms);
    return forms.some((form) => text.includes(form));
  });
}

/** A folder's own files that hold a secret; `.api-key` is there to hold one. */
export async function leaksInFolder(
  folder: string,
  secrets: readonly string[],
): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...await leaksInFolder(path, secrets));
    if (!isFile || name === ".api-key" || (await Deno.stat(path)).size > MOST_BYTES) continue;
    const text = new TextDecoder("latin1").decode(await Deno.readFile(path));
    if (leaks(text, secrets).length > 0) found.push(path);
  }
  return found;
}

/** What is larger is many times the same. */
const MOST_BYTES = 8 << 20;
