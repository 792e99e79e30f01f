/** The part of a cluster's contract that is about reading: single objects, lists and watches. */
import assert from "node:assert/strict";
import type { WatchEvent } from "../../src/manager/cluster.ts";
import { type Check, hasFault, mapOf, mapRef } from "./cluster_contract_check.ts";
import { at } from "./simulated_cluster_tree.ts";

const MAPS = { apiVersion: "v1", kind: "ConfigMap" };

export const readChecks: readonly Check[] = [
  {
    promise: "what is not there is undefined to get, fine to delete, and no place to patch",
    async run(place) {
      const { cluster } = place;
      const ref = mapRef(place, "nobody");
      assert.equal(await cluster.get(ref), undefined);
      await cluster.delete(ref);
      await cluster.delete(ref, { uid: "11111111-1111-1111-1111-111111111111" });
      await assert.rejects(cluster.patch(ref, { data: {} }), hasFault("not_found", 404, /nobody/));
      const lost = mapOf({ ...place, namespace: "no-such" }, "a");
      await assert.rejects(cluster.create(lost), hasFault("not_found", 404, /no-such/));
    },
  },
  {
    promise: "kinds and subresources that are not served are unsupported",
    async run(place) {
      const { cluster, namespace } = place;
      const unknown = { apiVersion: "brains.example.com/v1", kind: "Brain" };
      await assert.rejects(cluster.list(unknown), hasFault("unsupported", 404));
      await assert.rejects(
        cluster.get({ ...unknown, namespace, name: "a" }),
        hasFault("unsupported", 404),
      );
      await cluster.apply(mapOf(place, "a"));
      const below = cluster.patch(mapRef(place, "a"), {}, { subresource: "resize" });
      await assert.rejects(below, hasFault("unsupported", 404));
    },
  },
  {
    promise: "Secrets are neither listed nor watched",
    async run({ cluster, namespace }) {
      const secrets = { apiVersion: "v1", kind: "Secret" };
      const refused = hasFault("invalid", 400, /Secrets are not listed/);
      await assert.rejects(cluster.list(secrets, { namespace }), refused);
      const selection = { namespace, resourceVersion: "1" };
      const events = cluster.watch(secrets, selection, new AbortController().signal);
      await assert.rejects(events[Symbol.asyncIterator]().next(), refused);
    },
  },
  {
    promise: "lists select by namespace and labels, and say of what kind their items are",
    async run(place) {
      const { cluster, namespace } = place;
      for (const [name, tier] of [["a", "free"], ["b", "pro"], ["c", undefined]] as const) {
        const map = mapOf(place, name);
        map.metadata.labels = { place: namespace, ...tier && { tier } };
        await cluster.apply(map);
      }
      const names = async (labels: Record<string, string | null>, within?: string) => {
        const { items } = await cluster.list(MAPS, { namespace: within, labels });
        assert.deepEqual(new Set(items.map((item) => item.kind)), new Set(["ConfigMap"]));
        return items.map(({ metadata }) => metadata.name).sort();
      };
      assert.deepEqual(await names({ place: namespace }), ["a", "b", "c"]);
      assert.deepEqual(await names({ place: namespace, tier: null }, namespace), ["a", "b"]);
      assert.deepEqual(await names({ tier: "pro" }, namespace), ["b"]);
    },
  },
  {
    promise: "a long list comes whole",
    async run(place) {
      const { cluster, namespace } = place;
      const names = Array.from({ length: 450 }, (_, n) => `map-${n}`);
      await Promise.all(names.map((name) => cluster.create(mapOf(place, name))));
      const { items } = await cluster.list(MAPS, { namespace });
      const found = items.map(({ metadata }) => metadata.name).filter((name) => /^map/.test(name));
      assert.deepEqual(found.sort(), names.sort());
    },
  },
  {
    promise:
      "a watch tells of what comes, changes and goes, within its selection, until it is ended",
    async run(place) {
      const { cluster, namespace, eventually } = place;
      const labels = { watched: "yes" };
      const { resourceVersion } = await cluster.list(MAPS, { namespace, labels });
      const end = new AbortController();
      const seen: string[] = [];
      const reading = (async () => {
        const selection = { namespace, labels, resourceVersion };
        for await (const event of cluster.watch(MAPS, selection, end.signal)) {
          if (event.type !== "bookmark") seen.push(toldBy(event));
        }
      })();
      const map = mapOf(place, "a", { x: "1" });
      map.metadata.labels = labels;
      await cluster.apply(mapOf(place, "unseen"));
      await cluster.apply(map);
      await cluster.patch(mapRef(place, "a"), { data: { x: "2" } });
      // Out of the selection is gone, for who watches it.
      await cluster.patch(mapRef(place, "a"), { metadata: { labels: { watched: null } } });
      await cluster.patch(mapRef(place, "a"), { metadata: { labels } });
      await cluster.delete(mapRef(place, "a"));
      await eventually("the events", () => seen.length >= 5 || undefined);
      end.abort();
      await reading;
      assert.deepEqual(seen, ["put a 1", "put a 2", "deleted a 2", "put a 2", "deleted a 2"]);
    },
  },
];

function toldBy({ type, object }: WatchEvent): string {
  return `${type} ${object.metadata.name} ${at(object, "data", "x")}`;
}
