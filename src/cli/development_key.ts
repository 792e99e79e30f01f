/**
 * A key of its own for somebody who is trying it out: made once, and kept. It is shown by the start
 * that made it; every start says where it is, for that one may have failed before it came to that.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";

export interface AccessKey {
  readonly key: string;
  /** What to show once it listens; undefined where the key is the operator's own. */
  readonly notice?: (host: string, port: number) => string;
}

export async function developmentKey(folder: string): Promise<AccessKey> {
  const path = join(folder, ".api-key");
  try {
    const kept = (await Deno.readTextFile(path)).trim();
    if (/^[\x21-\x7e]{16,}$/.test(kept)) {
      return {
        key: kept,
        notice: () => `The key is in ${path}.`,
      };
    }
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const key = randomBytes(32).toString("base64url");
  await Deno.writeTextFile(path, key + "\n", { mode: 0o600, createNew: true });
  return { key, notice: (host, port) => keyNotice(key, path, host, port) };
}

function keyNotice(key: string, path: string, host: string, port: number): string {
  const asked = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  const address = `http://${asked.includes(":") ? `[${asked}]` : asked}:${port}`;
  return `\nNo CONTAINER_API_KEY is set, so a key was made and kept in ${path}:\n\n` +
    `  export KEY=${key}\n` +
    `  curl -s -H "Authorization: Bearer $KEY" ${address}/stats\n`;
}
