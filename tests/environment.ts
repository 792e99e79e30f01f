/** Environments, loaded as the program would. */
import assert from "node:assert/strict";
import { type Config, loadConfig } from "../src/config.ts";
import { ConfigError } from "../src/config/environment.ts";

export const CANARY = "canary7Qx";
export const KEY = `${CANARY}-0123456789abcdef`;
export type Environment = Readonly<Record<string, string>>;

export function load(env: Environment, files: Environment = {}, needsKey = true): Config {
  const readFile = (path: string) => files[path] ?? assert.fail("there is no such file");
  return loadConfig({ env: (name) => env[name], readFile }, needsKey);
}

/** The problems an environment has; none of them, nor the whole message, repeats a value. */
export function problemsOf(env: Environment, files: Environment = {}): readonly string[] {
  try {
    load(env, files);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    assert.ok(!`${error.message}${error.problems}${error.stack}`.includes(CANARY), error.message);
    assert.equal(error.message, error.problems.map((line) => `Cannot start: ${line}`).join("\n"));
    return error.problems;
  }
}
