/**
 * All that is asked of a real Qdrant where `QDRANT_TEST_URL` names one, asked of Qdrant's own
 * engine: `serve_edge.py` says what of it is Qdrant's and what is not.
 *
 *     python3 -m venv .tools/qdrant-edge && .tools/qdrant-edge/bin/pip install qdrant-edge-py==0.9.0
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { seed } from "../fakes/store_kit.ts";
import { EdgeServer, hasEdgeServer, SCRATCH } from "./edge_server.ts";
import { Twins } from "./twins.ts";

const SUITES = ["semantics_test.ts", "twins_test.ts", "../vector_index_qdrant_test.ts"]
  .map((name) => fileURLToPath(new URL(name, import.meta.url)));

const ignore = !hasEdgeServer;
const why = ignore ? " (skipped: it is not installed under .tools/qdrant-edge)" : "";

Deno.test({
  name: `Qdrant's own engine passes what is asked of a real one${why}`,
  ignore,
  async fn() {
    await using server = await EdgeServer.start();
    const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", "--filter=real Qdrant", ...SUITES],
      env: { QDRANT_TEST_URL: server.url, NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    const closing = /^(?:ok|FAILED) \| \d+ passed.*/m.exec(text)?.[0];
    console.log(`Qdrant's own engine: ${closing}`);
    assert.ok(success, text);
    assert.match(closing ?? "", /^ok \| [1-9]/);
  },
});

Deno.test({
  name: `Qdrant's own engine, killed or emptied, ends with what the memories say${why}`,
  ignore,
  async fn() {
    const storage = await mkdtemp(join(SCRATCH, "second-brain-edge-"));
    let server = await EdgeServer.start({ storage });
    const twins = new Twins(server.url, seed);
    const port = Number(new URL(server.url).port);
    try {
      await twins.begin();
      for (const isEmptied of [false, true]) {
        for (let step = 0; step < 40; step++) await twins.step();
        await server.end("SIGKILL");
        for (let step = 0; step < 10; step++) await twins.write();
        if (isEmptied) await rm(storage, { recursive: true });
        server = await EdgeServer.start({ port, storage });
        await twins.connected();
        for (let question = 0; question < 20; question++) await twins.compare();
      }
    } catch (error) {
      console.error(`TEST_SEED=${seed}`);
      throw error;
    } finally {
      await twins[Symbol.asyncDispose]();
      await server.end("SIGTERM");
      await rm(storage, { recursive: true });
    }
  },
});
