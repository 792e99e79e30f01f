/** The configuration, from this process's environment and files. */
import type { Config } from "../config.ts";

export const readFile = (path: string) => Deno.readTextFileSync(path);

export async function readConfig(needsKey: boolean): Promise<Config> {
  const { loadConfig } = await import("../config.ts");
  return loadConfig({ env: (name) => Deno.env.get(name), readFile }, needsKey);
}
