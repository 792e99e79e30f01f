/** Who reaches a brain, whom it reaches, and what may move it. */
import assert from "node:assert/strict";
import type { Settings } from "../src/manager/settings.ts";
import { allOf } from "./manager/kube_shapes.ts";
import { objectsOf } from "./manager/manifest_kit.ts";

function policyOf(settings: Partial<Settings> = {}) {
  const [policy = assert.fail()] = allOf("NetworkPolicy", objectsOf({ settings }));
  return policy.spec;
}

const podsOf = (namespace: string) => ({
  namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
});
const tcp = (port: number) => [{ protocol: "TCP", port }];

function numberOf(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** Of IPv4. */
function isIn(address: string, cidr: string): boolean {
  const [network = "", bits = ""] = cidr.split("/");
  const size = 2 ** (32 - Number(bits));
  return Math.floor(numberOf(address) / size) === Math.floor(numberOf(network) / size);
}

Deno.test("a brain is asked by the ingress, the monitoring and the manager alone", () => {
  const { podSelector, policyTypes, ingress } = policyOf({ monitoringNamespace: "watch" });
  assert.deepEqual({ podSelector, policyTypes, ingress }, {
    podSelector: {},
    policyTypes: ["Ingress", "Egress"],
    ingress: [{
      from: ["ingress-nginx", "watch", "second-brain"].map(podsOf),
      ports: tcp(8000),
    }],
  });
});

Deno.test("out go questions for names, and what is for public addresses", () => {
  const [names, provider, ...others] = policyOf().egress;
  assert.deepEqual(others, []);
  assert.deepEqual(names, {
    to: [
      { ...podsOf("kube-system"), podSelector: { matchLabels: { "k8s-app": "kube-dns" } } },
      { ipBlock: { cidr: "169.254.20.10/32", except: [] } },
    ],
    ports: [{ protocol: "UDP", port: 53 }, { protocol: "TCP", port: 53 }],
  });
  assert.deepEqual(provider?.["ports"], tcp(443));
  const blocks = (provider?.to ?? []).flatMap(({ ipBlock }) =>
    ipBlock === undefined ? [] : [ipBlock]
  );
  const [four = assert.fail(), six = assert.fail()] = blocks;
  const isLetOut = (address: string) =>
    isIn(address, four.cidr) && !four.except.some((block) => isIn(address, block));
  const public_ = ["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0"];
  assert.deepEqual(public_.filter((address) => !isLetOut(address)), []);
  const inside = [
    ...["0.0.0.1", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1"],
    ...["169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.1.1"],
    ...["198.18.0.1", "224.0.0.1", "255.255.255.255"],
  ];
  assert.deepEqual(inside.filter(isLetOut), []);
  // Unique local, link-local and mapped addresses do not begin so; the two hold an IPv4 address.
  assert.deepEqual(six, { cidr: "2000::/3", except: ["2001::/32", "2002::/16"] });
});

Deno.test("a provider of one's own is all that can be reached, where it can be told apart", () => {
  const found = [
    "https://models.example.com:8443/v1",
    "http://models.ai.svc:8080/v1",
    "https://models.ai.svc.cluster.local/v1",
    "http://10.1.2.3/v1",
    "http://[fd00::5]:11434/v1",
  ].map((embeddingBaseUrl) => policyOf({ embeddingBaseUrl }).egress.at(-1));
  const [named, ...others] = found;
  const publicPeers = policyOf().egress.at(-1)?.to;
  assert.deepEqual(named, { to: publicPeers, ports: tcp(8443) });
  assert.deepEqual(others, [
    { to: [podsOf("ai")] },
    { to: [podsOf("ai")] },
    { to: [{ ipBlock: { cidr: "10.1.2.3/32", except: [] } }], ports: tcp(80) },
    { to: [{ ipBlock: { cidr: "fd00::5/128", except: [] } }], ports: tcp(11_434) },
  ]);
});

Deno.test("under a domain a brain has a name with TLS, and answers to it", () => {
  const settings = { domain: "brains.example.com" };
  const objects = objectsOf({ settings, record: { userId: "Ada" } });
  const host = "ada--tgswhkzpnyq6.brains.example.com";
  const [ingress = assert.fail()] = allOf("Ingress", objects);
  assert.deepEqual(ingress.spec, {
    tls: [{ hosts: [host] }],
    rules: [{
      host,
      http: {
        paths: [{
          path: "/",
          pathType: "Prefix",
          backend: { service: { name: "brain", port: { name: "http" } } },
        }],
      },
    }],
  });
  assert.ok(JSON.stringify(objects).includes(`svc.cluster.local,${host}"`));
  assert.deepEqual(allOf("Ingress", objectsOf({})), []);
});

Deno.test("an issuer gives each user a certificate of his own", () => {
  const settings = {
    domain: "brains.example.com",
    ingressClass: "nginx",
    certificateIssuer: "letsencrypt",
  };
  const [ingress = assert.fail()] = allOf("Ingress", objectsOf({ settings }));
  assert.deepEqual(ingress.metadata.annotations, {
    "cert-manager.io/cluster-issuer": "letsencrypt",
  });
  assert.deepEqual([ingress.spec["ingressClassName"], ingress.spec.tls], ["nginx", [
    { hosts: ["ada.brains.example.com"], secretName: "brain-tls" },
  ]]);
});

Deno.test("a pod of the largest tier is moved only when somebody says so, or while it serves nobody", () => {
  const [budget = assert.fail()] = allOf("PodDisruptionBudget", objectsOf({ tier: "enterprise" }));
  assert.deepEqual(budget.spec, {
    minAvailable: 1,
    selector: {
      matchLabels: {
        "app.kubernetes.io/name": "second-brain",
        "app.kubernetes.io/component": "brain",
      },
    },
    unhealthyPodEvictionPolicy: "AlwaysAllow",
  });
  assert.deepEqual(allOf("PodDisruptionBudget", objectsOf({ tier: "pro" })), []);
});

Deno.test("where it is asked for, the monitoring is told how to ask a brain, with its key", () => {
  const of = (settings: Partial<Settings>) =>
    objectsOf({ settings }).filter(({ kind }) => kind === "ServiceMonitor");
  assert.deepEqual(of({}), []);
  const [monitor] = of({ hasServiceMonitors: true });
  assert.deepEqual(monitor?.["spec"], {
    selector: { matchLabels: { "second-brain/user": "ada" } },
    endpoints: [{
      port: "http",
      path: "/metrics",
      interval: "60s",
      scrapeTimeout: "10s",
      authorization: { type: "Bearer", credentials: { name: "brain-key", key: "key" } },
    }],
  });
  const [service] = objectsOf({}).filter(({ kind }) => kind === "Service");
  assert.equal(service?.metadata.labels?.["second-brain/user"], "ada");
});
