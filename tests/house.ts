/**
 * Who may import whom, as a table and a few pure functions over arrows between files. A new file
 * directly under `src/` must be given its room here before the house accepts it.
 */
export type Room =
  | "main"
  | "config"
  | "cli"
  | "http"
  | "mcp"
  | "service"
  | "state"
  | "port"
  | "adapter"
  | "shape";

/** The files directly under `src/`, without `.ts`. */
const ROOM_OF: Readonly<Record<string, Room>> = {
  config: "config",
  state: "state",

  chat_model: "port",
  embedder: "port",
  export_folder: "port",
  store: "port",
  text_index: "port",
  vector_index: "port",

  accesses: "service",
  backups: "service",
  brain: "service",
  context: "service",
  duplicates: "service",
  embedded: "service",
  events: "service",
  exports: "service",
  extraction: "service",
  idempotency: "service",
  import_draft: "service",
  imports: "service",
  indexer: "service",
  kept_backups: "service",
  listing: "service",
  memories: "service",
  projection: "service",
  quota: "service",
  reindexing: "service",
  same_texts: "service",
  related: "service",
  retrieval: "service",
  search: "service",
  stats: "service",
  walks: "service",

  amount: "shape",
  backoff: "shape",
  backup_check: "shape",
  backup_digest: "shape",
  backup_name: "shape",
  breaker: "shape",
  clock: "shape",
  cosine: "shape",
  deadline: "shape",
  entry_times: "shape",
  errors: "shape",
  export_reader: "shape",
  folder_report: "shape",
  formats: "shape",
  fusion: "shape",
  graph: "shape",
  graphemes: "shape",
  history: "shape",
  idempotency_key: "shape",
  import_record: "shape",
  json: "shape",
  json_records: "shape",
  lines: "shape",
  locks: "shape",
  log: "shape",
  memory: "shape",
  pace: "shape",
  plain_entry: "shape",
  qdrant_settings: "shape",
  ranking: "shape",
  record_stream: "shape",
  schemas: "shape",
  quoted_lines: "shape",
  revision: "shape",
  scope: "shape",
  scripts: "shape",
  selection: "shape",
  tokens: "shape",
  typed_arrays: "shape",
  vector_text: "shape",
};

/** The manager is a program of its own, with rooms of its own: the files in `src/manager/`. */
const ROOM_OF_MANAGER: Readonly<Record<string, Room>> = {
  main: "main",
  config: "config",

  backup_sink: "port",
  brain_access: "port",
  cluster: "port",
  migration_folder: "port",

  backups: "service",
  brain_manager: "service",
  claims: "service",
  diagnosis: "service",
  kept_volumes: "service",
  migration: "service",
  namespaces: "service",
  operations: "service",
  reachability: "service",
  reconciler: "service",
  register: "service",
  scheduler: "service",
  users: "service",
  volumes: "service",

  errors: "shape",
  first_record: "shape",
  kube_object: "shape",
  manifests: "shape",
  record: "shape",
  settings: "shape",
  tiers: "shape",
  user_id: "shape",
};

/** What the manager takes of the brain's own rooms, beside its shapes: nothing that knows a brain. */
const SHARED: readonly string[] = [
  "src/cli/command_line.ts",
  "src/cli/console.ts",
  "src/cli/exit.ts",
  "src/cli/standard_log.ts",
  "src/cli/stopping.ts",
  "src/cli/terminal.ts",
  "src/config/addresses.ts",
  "src/config/environment.ts",
  "src/http/auth.ts",
  "src/http/body.ts",
  "src/http/docs.ts",
  "src/http/documents.ts",
  "src/http/failed_attempts.ts",
  "src/http/hosts.ts",
  "src/http/openapi.ts",
  "src/http/origins.ts",
  "src/http/parameters.ts",
  "src/http/problem.ts",
  "src/http/rate_limit.ts",
  "src/http/route.ts",
  "src/http/server.ts",
];

/** Folders whose files are not adapters of a port or parts of a service of the same name. */
const ROOM_OF_FOLDER: Readonly<Record<string, Room>> = {
  cli: "cli",
  composition: "main",
  http: "http",
  mcp: "mcp",
};

/** The ports that a folder's adapters serve, where it is not just the one of its own name. */
const PORTS_OF_FOLDER: Readonly<Record<string, readonly string[]>> = {
  // Exports that stay with the brain lie in the same data folder, written by the same means.
  store: ["store", "export_folder"],
};

const MAY_IMPORT: Readonly<Record<Room, readonly Room[]>> = {
  main: ["main", "config", "cli", "http", "mcp", "service", "state", "port", "adapter", "shape"],
  config: ["config", "shape"],
  cli: ["service", "shape", "cli"],
  http: ["service", "shape", "http"],
  mcp: ["service", "shape", "mcp"],
  service: ["service", "state", "port", "shape"],
  state: ["shape"],
  port: ["shape"],
  adapter: ["port", "adapter", "shape"],
  shape: ["shape"],
};

export interface Arrow {
  /** Paths from the repository's root, such as `src/store/file.ts`. */
  readonly from: string;
  readonly to: string;
}

interface Place {
  readonly program: "brain" | "manager";
  readonly room: Room;
  /** The folder under `src/` that the file lies in; undefined for files directly under it. */
  readonly folder: string | undefined;
  readonly name: string;
}

export function placeOf(path: string): Place | undefined {
  if (path === "main.ts") {
    return { program: "brain", room: "main", folder: undefined, name: "main" };
  }
  const program = path.startsWith("src/manager/") ? "manager" : "brain";
  const match = /^src\/(?:manager\/)?(?:([^/]+)\/.+|([^/]+)\.ts)$/.exec(path);
  if (!match) return undefined;
  const [, folder, file] = match;
  const name = folder ?? file ?? "";
  const above = own(program === "brain" ? ROOM_OF : ROOM_OF_MANAGER, name);
  const room = folder === undefined ? above : own(ROOM_OF_FOLDER, folder) ?? roomBelow(above);
  return room === undefined ? undefined : { program, room, folder, name };
}

/** A port's folder holds its adapters; any other file's folder holds more of the same. */
function roomBelow(above: Room | undefined): Room | undefined {
  return above === "port" ? "adapter" : above;
}

function own(table: Readonly<Record<string, Room>>, name: string): Room | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** What is wrong with one arrow, in words; undefined where nothing is. */
export function arrowProblem({ from, to }: Arrow): string | undefined {
  const [source, target] = [placeOf(from), placeOf(to)];
  for (const [place, path] of [[source, from], [target, to]] as const) {
    if (place === undefined) return `classify me: ${path} has no room in tests/house.ts`;
  }
  if (source === undefined || target === undefined) return undefined;
  const arrow = `${from} (${source.room}) imports ${to} (${target.room})`;
  if (source.program !== target.program) return meetingProblem(source, target, { from, to });
  if (!MAY_IMPORT[source.room].includes(target.room)) return `forbidden: ${arrow}`;
  if (source.room === "main") return undefined;
  if (target.folder !== undefined && target.name !== source.name) {
    return `private: ${arrow}; only main.ts and its own room may look into a folder`;
  }
  const ports = PORTS_OF_FOLDER[source.name] ?? [source.name];
  if (source.room === "adapter" && target.room === "port" && !ports.includes(target.name)) {
    return `foreign port: ${arrow}`;
  }
  return undefined;
}

/** The brain knows of the manager no more than its door; the manager, of the brain, the shapes. */
function meetingProblem(source: Place, target: Place, { from, to }: Arrow): string | undefined {
  const isEntry = source.room === "main" && target.room === "main" && source.program === "brain";
  const isShared = source.program === "manager" &&
    (target.room === "shape" || SHARED.includes(to));
  return isEntry || isShared ? undefined : `brain and manager meet: ${from} imports ${to}`;
}

/** One path along arrows that comes back to where it began, or undefined. */
export function findCycle(arrows: readonly Arrow[]): string[] | undefined {
  const next = Map.groupBy(arrows, ({ from }) => from);
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    done.add(file);
    path.push(file);
    for (const { to } of next.get(file) ?? []) {
      const found = visit(to);
      if (found) return found;
    }
    path.pop();
    return undefined;
  };
  for (const file of next.keys()) {
    const found = visit(file);
    if (found) return found;
  }
  return undefined;
}
