/** A promise that fails with nobody waiting for it must not end the service. */
import assert from "node:assert/strict";
import { logStrayRejections } from "../src/cli/console.ts";
import type { Log } from "../src/log.ts";

Deno.test("a failure that nobody waits for is logged by its kind, and the process lives", async () => {
  const logged: unknown[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const log: Log = (...line) => {
    logged.push(line);
    resolve();
  };
  logStrayRejections(log);
  void Promise.reject(new RangeError("canary7Qx"));
  await promise;
  assert.deepEqual(logged, [["error", "stray_rejection", { name: "RangeError" }]]);
});
