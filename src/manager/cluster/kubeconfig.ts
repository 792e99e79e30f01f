/**
 * A kubeconfig, as far as it says plainly where and who: a token, its file, or a certificate. What
 * would run a program, or trust whomever, is refused.
 */
import { dirname, isAbsolute, join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import type { Clock } from "../../clock.ts";
import {
  AccessError,
  type ClusterAccess,
  fixedToken,
  read,
  type ReadFile,
  tokenFile,
  type TokenSource,
} from "./access.ts";

const named = z.array(z.looseObject({ name: z.string() }));

const clusterSchema = z.looseObject({
  server: z.string(),
  "certificate-authority": z.string().optional(),
  "certificate-authority-data": z.string().optional(),
  "insecure-skip-tls-verify": z.boolean().optional(),
  "proxy-url": z.string().optional(),
  "tls-server-name": z.string().optional(),
});
const userSchema = z.looseObject({
  token: z.string().optional(),
  tokenFile: z.string().optional(),
  "client-certificate": z.string().optional(),
  "client-certificate-data": z.string().optional(),
  "client-key": z.string().optional(),
  "client-key-data": z.string().optional(),
});
const contextSchema = z.looseObject({ cluster: z.string(), user: z.string() });
const kubeconfigSchema = z.looseObject({
  "current-context": z.string(),
  contexts: named,
  clusters: named,
  users: named,
});

/** What is refused, and what to do instead. */
const REFUSED_CLUSTER = {
  "insecure-skip-tls-verify": "give the certificate authority instead",
  "proxy-url": "name the server itself",
  "tls-server-name": "name the server as its certificate does",
} as const;
const REFUSED_USER = {
  exec: "programs are not run; give a token, its file, or a certificate",
  "auth-provider": "programs are not run; give a token, its file, or a certificate",
  username: "servers take no passwords any more; give a token or a certificate",
  as: "acting as somebody else is not done here",
} as const;

/** Throws `AccessError`. Paths in it are taken from its own folder. */
export async function kubeconfigAccess(
  path: string,
  readFile: ReadFile,
  clock: Clock,
): Promise<ClusterAccess> {
  const config = parsed(await read(path, readFile, "the kubeconfig"));
  const context = find(config.contexts, "context", config["current-context"], contextSchema);
  const cluster = find(config.clusters, "cluster", context.cluster, clusterSchema);
  const user = find(config.users, "user", context.user, userSchema);
  refuse(cluster, REFUSED_CLUSTER);
  refuse(user, REFUSED_USER);
  const files = new Files(dirname(path), readFile);
  const authority = cluster["certificate-authority"];
  const caCert = await files.text(cluster["certificate-authority-data"], authority, "authority");
  return {
    url: serverUrl(cluster.server),
    caCert,
    certificate: await certificateOf(user, files),
    token: tokenOf(user, files, clock),
  };
}

function parsed(text: string): z.infer<typeof kubeconfigSchema> {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 100 });
  } catch {
    throw new AccessError("Cannot use the kubeconfig: it is no YAML");
  }
  const { success, data, error } = kubeconfigSchema.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  throw new AccessError(
    `Cannot use the kubeconfig: ${issue?.path.join(".") || "it"} is missing or of another type`,
  );
}

function find<T>(
  list: readonly Readonly<Record<string, unknown>>[],
  kind: string,
  name: string,
  schema: z.ZodType<T>,
): T {
  const found = list.find((one) => one["name"] === name);
  if (found === undefined) {
    throw new AccessError(`Cannot use the kubeconfig: it has no ${kind} of the name that it uses`);
  }
  const { success, data } = schema.safeParse(found[kind]);
  if (success) return data;
  throw new AccessError(`Cannot use the kubeconfig: a part of its ${kind} is of another type`);
}

function refuse(
  part: Readonly<Record<string, unknown>>,
  refused: Readonly<Record<string, string>>,
): void {
  for (const [name, instead] of Object.entries(refused)) {
    if (part[name] === undefined || part[name] === false || part[name] === "") continue;
    throw new AccessError(`Cannot use the kubeconfig: it has ${name}; ${instead}`);
  }
}

/** Plain HTTP would show the token to everybody on the way, so only to this very machine. */
function serverUrl(server: string): string {
  const url = URL.parse(server);
  const isHere = url?.protocol === "http:" && /^(localhost|127\.|\[::1\])/.test(url.hostname);
  if (url === null || (url.protocol !== "https:" && !isHere) || url.search || url.hash) {
    throw new AccessError("Cannot use the kubeconfig: its server is no https address");
  }
  if (url.username || url.password) {
    throw new AccessError("Cannot use the kubeconfig: its server has a user or a password in it");
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

type User = z.infer<typeof userSchema>;

async function certificateOf(user: User, files: Files): Promise<ClusterAccess["certificate"]> {
  const [cert, key] = [
    await files.text(user["client-certificate-data"], user["client-certificate"], "certificate"),
    await files.text(user["client-key-data"], user["client-key"], "certificate's key"),
  ];
  if ((cert === undefined) !== (key === undefined)) {
    throw new AccessError("Cannot use the kubeconfig: a certificate and its key belong together");
  }
  return cert === undefined || key === undefined ? undefined : { cert, key };
}

function tokenOf({ token, tokenFile: path }: User, files: Files, clock: Clock): TokenSource {
  if (token !== undefined) return fixedToken(token);
  if (path === undefined) return fixedToken(undefined);
  return tokenFile(files.path(path), files.readFile, clock);
}

class Files {
  readonly readFile: ReadFile;
  readonly #folder: string;

  constructor(folder: string, readFile: ReadFile) {
    this.#folder = folder;
    this.readFile = readFile;
  }

  path(path: string): string {
    return isAbsolute(path) ? path : join(this.#folder, path);
  }

  /** Given in place as base64, or as a file. */
  async text(
    data: string | undefined,
    path: string | undefined,
    what: string,
  ): Promise<string | undefined> {
    if (data === undefined) {
      return path === undefined
        ? undefined
        : await read(this.path(path), this.readFile, `the kubeconfig's ${what}`);
    }
    try {
      return new TextDecoder().decode(Uint8Array.fromBase64(data));
    } catch {
      throw new AccessError(`Cannot use the kubeconfig: its ${what} is no base64`);
    }
  }
}
