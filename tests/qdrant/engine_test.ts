/**
 * All that is asked of a real Qdrant where `QDRANT_TEST_URL` names one, asked of Qdrant's own
 * engine: `serve_edge.py` says what of it is Qdrant's and what is not.
 *
 *     python3 -m venv .tools/qdrant-edge && .tools/qdrant-edge/bin/pip install qdrant-edge-py==0.9.0
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { EdgeServer, hasEdgeServer } from "./edge_server.ts";

const SUITES = ["semantics_test.ts", "../vector_index_qdrant_test.ts"]
  .map((name) => fileURLToPath(new URL(name, import.meta.url)));

Deno.test({
  name: "Qdrant's own engine passes what is asked of a real one" +
    (hasEdgeServer ? "" : " (skipped: it is not installed under .tools/qdrant-edge)"),
  ignore: !hasEdgeServer,
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
