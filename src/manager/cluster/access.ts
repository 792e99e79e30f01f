/**
 * Where the API server is, whom it is recognised by, and what we show it: from the files that every
 * pod of a cluster has, or from a kubeconfig. Nothing of this is ever written to a log or a message.
 */
import type { Clock } from "../../clock.ts";

/** What the operator has to mend: a file that is missing, or that asks for what is not done here. */
export class AccessError extends Error {
  override readonly name = "AccessError";
}

export interface ClusterAccess {
  /** Without a slash at its end. */
  readonly url: string;
  /** PEM, beside the authorities that the system trusts. */
  readonly caCert: string | undefined;
  /** PEM, both. */
  readonly certificate: { readonly cert: string; readonly key: string } | undefined;
  readonly token: TokenSource;
}

export interface TokenSource {
  /** Undefined where a certificate says who we are. */
  current(): Promise<string | undefined>;
  /** It was refused: the next one is looked for anew. False where there can be no other. */
  forget(): boolean;
}

export type ReadFile = (path: string) => Promise<string>;

const FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";
/** The kubelet writes a new one long before the former one runs out. */
const TOKEN_MS = 60_000;

export interface PodEnvironment {
  /** KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. */
  readonly host: string;
  readonly port: number;
}

/** Reads `token` and `ca.crt` of the pod's service account. */
export async function podAccess(
  { host, port }: PodEnvironment,
  readFile: ReadFile,
  clock: Clock,
): Promise<ClusterAccess> {
  const authority = host.includes(":") ? `[${host}]` : host;
  const token = tokenFile(`${FOLDER}/token`, readFile, clock);
  // A pod without them would find out with its first request, and say so less plainly.
  await token.current();
  return {
    url: `https://${authority}:${port}`,
    caCert: await read(`${FOLDER}/ca.crt`, readFile, "the cluster's certificate authority"),
    certificate: undefined,
    token,
  };
}

export function fixedToken(token: string | undefined): TokenSource {
  return { current: () => Promise.resolve(token), forget: () => false };
}

/** Looked at again each minute, and when it was refused. */
export function tokenFile(path: string, readFile: ReadFile, clock: Clock): TokenSource {
  let held: { readonly token: string; readonly at: number } | undefined;
  return {
    async current() {
      const age = held === undefined ? Infinity : clock.now() - held.at;
      if (held !== undefined && age >= 0 && age < TOKEN_MS) return held.token;
      const token = (await read(path, readFile, "the service account's token")).trim();
      if (!/^[\x21-\x7e]+$/.test(token)) {
        throw new AccessError("Cannot use the service account's token: it is not one line of text");
      }
      held = { token, at: clock.now() };
      return token;
    },
    forget() {
      held = undefined;
      return true;
    },
  };
}

/** `what` is for the message: a path may say more than a log should. */
export async function read(path: string, readFile: ReadFile, what: string): Promise<string> {
  try {
    return await readFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.name : "an unknown error";
    throw new AccessError(`Cannot read ${what}: ${reason}; look at its file and its rights`, {
      cause: error,
    });
  }
}
