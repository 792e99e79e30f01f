/** What every cluster promises its manager: run against each adapter. Each check has a namespace. */
import { type ContractPlace, namespaceOf } from "./cluster_contract_check.ts";
import { endingChecks, objectChecks } from "./cluster_contract_objects.ts";
import { readChecks } from "./cluster_contract_reads.ts";
import { storageChecks } from "./cluster_contract_storage.ts";
import { workloadChecks } from "./cluster_contract_workloads.ts";

const CHECKS = [
  ...objectChecks,
  ...readChecks,
  ...workloadChecks,
  ...storageChecks,
  ...endingChecks,
];

export function clusterContract(
  name: string,
  start: () => Promise<ContractPlace>,
  options: Pick<Deno.TestDefinition, "ignore"> = {},
): void {
  Deno.test(`${name}: keeps the contract of a cluster`, options, async (test) => {
    await using place = await start();
    for (
      const [n, { promise, needs, run }] of CHECKS.entries()
    ) {
      const isLacking = needs !== undefined && place.lacks.includes(needs);
      await test.step({
        name: isLacking ? `${promise} (skipped: it has no ${needs})` : promise,
        ignore: isLacking,
        fn: async () => {
          const namespace = `contract-${n}`;
          await place.cluster.apply(namespaceOf(namespace));
          await run({ ...place, namespace });
        },
      });
    }
  });
}
