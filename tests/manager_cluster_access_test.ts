/** Where the manager finds its cluster: what is taken from a kubeconfig and a pod, and what not. */
import assert from "node:assert/strict";
import { AccessError, podAccess } from "../src/manager/cluster/access.ts";
import { kubeconfigAccess } from "../src/manager/cluster/kubeconfig.ts";
import { FakeClock } from "./fakes/indexing.ts";

type Files = Record<string, string>;

function reader(files: Files): (path: string) => Promise<string> {
  return (path) => {
    const text = files[path];
    return text === undefined
      ? Promise.reject(new Deno.errors.NotFound(`no ${path}`))
      : Promise.resolve(text);
  };
}

interface Parts {
  readonly cluster?: object;
  readonly user?: object;
}

function kubeconfig({ cluster = {}, user = { token: "token-1" } }: Parts = {}): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "here",
    contexts: [{ name: "here", context: { cluster: "mine", user: "me", namespace: "x" } }],
    clusters: [{ name: "mine", cluster: { server: "https://api.test:6443/", ...cluster } }],
    users: [{ name: "other", user: { exec: {} } }, { name: "me", user }],
  });
}

function accessOf(parts: Parts, files: Files = {}) {
  const all = { "/etc/kube/config": kubeconfig(parts), ...files };
  return kubeconfigAccess("/etc/kube/config", reader(all), new FakeClock());
}

function saying(words: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof AccessError, `${error}`);
    assert.match(error.message, words);
    assert.doesNotMatch(error.message, /s3cret|etc\/kube|api\.test/);
    return true;
  };
}

Deno.test("a kubeconfig with a token, in place or in a file beside it", async () => {
  const data = btoa("-----CA-----");
  const inPlace = await accessOf({ cluster: { "certificate-authority-data": data } });
  assert.deepEqual(
    [inPlace.url, inPlace.caCert, inPlace.certificate, await inPlace.token.current()],
    ["https://api.test:6443", "-----CA-----", undefined, "token-1"],
  );
  const files = { "/etc/kube/ca.crt": "CA", "/elsewhere/token": "token-2\n" };
  const user = { tokenFile: "/elsewhere/token" };
  const inFiles = await accessOf({ cluster: { "certificate-authority": "ca.crt" }, user }, files);
  assert.deepEqual([inFiles.caCert, await inFiles.token.current()], ["CA", "token-2"]);
});

Deno.test("a kubeconfig with a certificate", async () => {
  const user = { "client-certificate-data": btoa("CERT"), "client-key": "me.key" };
  const { certificate, token } = await accessOf({ user }, { "/etc/kube/me.key": "KEY" });
  assert.deepEqual(certificate, { cert: "CERT", key: "KEY" });
  assert.equal(await token.current(), undefined);
});

Deno.test("what would run a program or trust whomever is refused, with the way out", async () => {
  const cases: readonly [Parts, RegExp][] = [
    [{ user: { exec: { command: "s3cret" } } }, /it has exec; programs are not run/],
    [{ user: { "auth-provider": { name: "s3cret" } } }, /it has auth-provider/],
    [{ user: { username: "s3cret", password: "s3cret" } }, /it has username/],
    [{ user: { token: "s3cret", as: "s3cret" } }, /it has as/],
    [{ cluster: { "insecure-skip-tls-verify": true } }, /insecure-skip-tls-verify; give the/],
    [{ cluster: { "proxy-url": "http://s3cret" } }, /it has proxy-url/],
    [{ cluster: { "tls-server-name": "s3cret" } }, /it has tls-server-name/],
    [{ cluster: { server: "http://api.test" } }, /no https address/],
    [{ cluster: { server: "https://me:s3cret@api.test" } }, /user or a password/],
    [{ cluster: { server: "s3cret" } }, /no https address/],
    [{ cluster: { "certificate-authority-data": "s3cret!" } }, /authority is no base64/],
    [{ cluster: { "certificate-authority": "s3cret" } }, /Cannot read the kubeconfig's authority/],
    [{ user: { "client-certificate-data": btoa("s3cret") } }, /belong together/],
    [{ user: { token: 1 } }, /another type/],
  ];
  for (const [parts, words] of cases) await assert.rejects(accessOf(parts), saying(words));
  await accessOf({ cluster: { "insecure-skip-tls-verify": false, server: "http://127.0.0.1:80" } });
});

Deno.test("what is no kubeconfig says what it lacks", async () => {
  const cases: readonly [string | undefined, RegExp][] = [
    [undefined, /Cannot read the kubeconfig: NotFound/],
    ["a: [", /no YAML/],
    ["s3cret", /another type/],
    [kubeconfig().replace('"here"', '"s3cret"'), /no context of the name/],
    ["{}", /current-context is missing/],
  ];
  for (const [text, words] of cases) {
    const files = text === undefined ? {} : { "/etc/kube/config": text };
    const access = kubeconfigAccess("/etc/kube/config", reader(files), new FakeClock());
    await assert.rejects(access, saying(words));
  }
});

Deno.test("a pod finds its cluster by what every pod has, and its token stays fresh", async () => {
  const folder = "/var/run/secrets/kubernetes.io/serviceaccount";
  const files: Files = { [`${folder}/token`]: "token-1", [`${folder}/ca.crt`]: "CA" };
  const clock = new FakeClock();
  const place = { host: "fd00::1", port: 443 };
  const access = await podAccess(place, reader(files), clock);
  assert.deepEqual([access.url, access.caCert], ["https://[fd00::1]:443", "CA"]);
  files[`${folder}/token`] = "token-2";
  assert.equal(await access.token.current(), "token-1");
  await clock.advance(60_000);
  assert.equal(await access.token.current(), "token-2");
  files[`${folder}/token`] = "two\nlines";
  await clock.advance(60_000);
  await assert.rejects(access.token.current(), saying(/not one line/));
  delete files[`${folder}/token`];
  await assert.rejects(
    podAccess(place, reader(files), clock),
    saying(/the service account's token/),
  );
});
