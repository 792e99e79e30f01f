/** What a look at one part of an installation came to. */
import { ClusterError } from "../cluster.ts";

export interface Finding {
  readonly check: string;
  readonly status: "ok" | "warn" | "bad";
  readonly found: string;
  /** What to do; null where there is nothing. */
  readonly advice: string | null;
}

export function ok(check: string, found: string): Finding {
  return { check, status: "ok", found, advice: null };
}

export function warn(check: string, found: string, advice: string): Finding {
  return { check, status: "warn", found, advice };
}

export function bad(check: string, found: string, advice: string): Finding {
  return { check, status: "bad", found, advice };
}

/** What went wrong, for people: of what is no error of a port only its kind. */
export function reasonOf(error: unknown): string {
  if (error instanceof ClusterError) return `${error.fault}: ${error.message}`;
  if (!(error instanceof Error)) return "unknown";
  return ["SinkError", "ManagerError", "BrainAccessError"].includes(error.name)
    ? error.message
    : error.name;
}
