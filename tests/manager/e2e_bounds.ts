/** Who is refused, whose namespace is let alone, and what is in no line of the log. */
import assert from "node:assert/strict";
import { slugOf } from "../../src/manager/user_id.ts";
import { at } from "../kubernetes/api_client.ts";
import type { TestCluster } from "./e2e_cluster.ts";
import { ID, type Story } from "./e2e_story.ts";
import { type Json, KEYS } from "./http_kit.ts";

export async function refusals({ manager, managersApi, user }: Story): Promise<void> {
  const body = { tier: "free" };
  const cases = [
    [await manager.ask("GET", user.path(), { key: "of nobody" }), 401],
    [await manager.ask("PUT", user.path(), { key: KEYS.reader, body }), 403],
    [await manager.ask("POST", user.path("/key"), { key: KEYS.writer, body: {} }), 403],
    [await manager.ask("POST", user.path("/purge")), 403],
    [await manager.ask("GET", user.path(), { key: KEYS.reader }), 200],
  ] as const;
  assert.deepEqual(cases.map(([{ status }]) => status), cases.map(([, status]) => status));
  const withoutKey = await manager.ask("PUT", user.path(), { key: KEYS.writer, body });
  assert.deepEqual([withoutKey.status, withoutKey.body.key], [200, null]);

  // Its own rights are no more than it needs: in a user's namespace, and nowhere else.
  const secretOf = (namespace: string) =>
    managersApi.ask("GET", `/api/v1/namespaces/${namespace}/secrets/brain-key`);
  const statuses = await Promise.all([user.namespace, "user-shop", "kube-system"].map(secretOf));
  assert.deepEqual(statuses.map(({ status }) => status), [200, 403, 403]);
}

/** All of it, for a comparison. */
export async function shop({ api }: TestCluster): Promise<Json[]> {
  const paths = ["", "/configmaps/stock", "/rolebindings"];
  const folder = (path: string) =>
    path === "/rolebindings" ? "/apis/rbac.authorization.k8s.io/v1" : "/api/v1";
  return await Promise.all(paths.map(async (path) => {
    const found = await api.want([200], "GET", `${folder(path)}/namespaces/user-shop${path}`);
    return at(found, "items") ?? found;
  }));
}

export async function makeShop({ api }: TestCluster): Promise<void> {
  const metadata = { name: "user-shop" };
  await api.want([201], "POST", "/api/v1/namespaces", { metadata });
  const stock = { metadata: { name: "stock" }, data: { apples: "3" } };
  await api.want([201], "POST", "/api/v1/namespaces/user-shop/configmaps", stock);
}

export async function noShopOfOurs({ manager }: Story): Promise<void> {
  const { status, code } = await manager.ask("PUT", "/users/shop?wait=60", {
    body: { tier: "free" },
  });
  assert.deepEqual([status, code], [409, "name_collision"]);
  assert.equal((await manager.ask("GET", "/users/shop")).status, 404);
}

/** Who did what is in the log; ids, keys and what users store are not. */
export function logged({ manager, user }: Story, keys: ReadonlySet<string>): void {
  const { log } = manager;
  const secrets = [
    ID,
    encodeURIComponent(ID),
    "Lovelace",
    "fence",
    ...Object.values(KEYS),
    ...keys,
  ];
  assert.deepEqual(secrets.filter((secret) => log.includes(secret)), []);
  const lines = log.split("\n").filter((line) => line.startsWith("{"));
  const audit = lines.map((line): Json => JSON.parse(line)).filter(({ event }) => event === "audit")
    .map(({ key, verb, user, outcome }) => `${key} ${verb} ${user} ${outcome}`);
  for (const line of AUDITED) {
    assert.ok(
      audit.includes(line.replace("USER", slugOf(user.id))),
      `${line}\n${audit.join("\n")}`,
    );
  }
}

const AUDITED = [
  "keeper createUser USER ok",
  "keeper createUser shop name_collision",
  "reader createUser USER forbidden",
  "keeper upgradeUser USER restart_needed",
  "keeper rotateKey USER ok",
  "keeper deleteUser USER ok",
  "admin purgeUser USER ok",
];
