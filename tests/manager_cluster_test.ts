/** Both clusters keep the same contract: the simulated one, and a real API server over REST. */
import assert from "node:assert/strict";
import { systemClock } from "../src/clock.ts";
import { ClusterError } from "../src/manager/cluster.ts";
import { fixedToken } from "../src/manager/cluster/access.ts";
import { connectKubernetes } from "../src/manager/cluster/connect.ts";
import { eventually } from "./e2e/conditions.ts";
import { FakeClock } from "./fakes/indexing.ts";
import { hasApiServer, startApiServer, whyNoApiServer } from "./kubernetes/api_server.ts";
import { clusterContract } from "./manager/cluster_contract.ts";
import type { ContractPlace } from "./manager/cluster_contract_check.ts";
import { SimulatedCluster } from "./manager/simulated_cluster.ts";

clusterContract("the simulated cluster", () => {
  const clock = new FakeClock();
  const cluster = new SimulatedCluster({ clock });
  return Promise.resolve<ContractPlace>({
    cluster,
    lacks: [],
    async eventually(what, look) {
      for (let seconds = 0; seconds < 300; seconds++) {
        const found = await look();
        if (found !== undefined) return found;
        await clock.advance(1_000);
      }
      throw new Error(`Not within five minutes: ${what}`);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

clusterContract(`a real API server${whyNoApiServer}`, async () => {
  const server = await startApiServer({ controllers: true });
  assert.ok(server);
  const { url, caCert, token } = server;
  const access = { url, caCert, certificate: undefined, token: fixedToken(token) };
  const cluster = connectKubernetes(access, { clock: systemClock, random: Math.random });
  return {
    cluster,
    lacks: ["resize", "pod security", "policy/v1"],
    eventually: (what, look) => eventually(30_000, what, look),
    async [Symbol.asyncDispose]() {
      cluster[Symbol.dispose]();
      await server.close();
    },
  };
}, { ignore: !hasApiServer });

Deno.test({
  name: `a server that shows another authority's certificate is not spoken to${whyNoApiServer}`,
  ignore: !hasApiServer,
  async fn() {
    await using server = await startApiServer();
    assert.ok(server);
    const { url, token } = server;
    const access = { url, caCert: undefined, certificate: undefined, token: fixedToken(token) };
    using cluster = connectKubernetes(access, { clock: systemClock, random: () => 0 });
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "a" } };
    await assert.rejects(cluster.create(namespace), (error) => {
      assert.ok(error instanceof ClusterError, `${error}`);
      assert.equal(error.fault, "unavailable");
      assert.match(error.message, /certificate/);
      assert.ok(!error.message.includes(token) && !error.message.includes("127.0.0.1"));
      return true;
    });
  },
});
