/** What the stand-in does with a request, once it is read: which operation it is, and its answer. */
import { isJsonObject, type JsonObject } from "../../../src/json.ts";
import type { Collection } from "./collection.ts";
import { collectionView } from "./collection_view.ts";
import type { Route } from "./faults.ts";
import { change, changeMany, count, created, createIndex, query, scroll } from "./operations.ts";
import { type Answer, plain, Refusal, REFUSALS, refused, resultOf } from "./replies.ts";

interface Operation {
  readonly route: Route;
  readonly run: (service: Service, name: string, body: unknown) => unknown;
}

/** The body's part that a list of changes would name. */
function changing(name: string): Operation["run"] {
  return (service, collection, body) => change(service.collection(collection), name, body);
}

const COLLECTION = "/collections/{name}";
const OPERATIONS: Readonly<Record<string, Operation>> = {
  "GET /collections": { route: "collections", run: (service) => service.list() },
  [`GET ${COLLECTION}`]: {
    route: "collection",
    run: (service, name) => collectionView(service.collection(name)),
  },
  [`GET ${COLLECTION}/exists`]: {
    route: "exists",
    run: (service, name) => ({ exists: service.collections.has(name) }),
  },
  [`PUT ${COLLECTION}`]: {
    route: "create",
    run: (service, name, body) => service.create(name, body),
  },
  [`PATCH ${COLLECTION}`]: {
    route: "create",
    run: (service, name, body) => service.quantise(name, body),
  },
  [`DELETE ${COLLECTION}`]: {
    route: "drop",
    run: (service, name) => service.collections.delete(name),
  },
  [`PUT ${COLLECTION}/index`]: {
    route: "index",
    run: (service, name, body) => {
      const collection = service.collection(name);
      createIndex(collection, body, service.version);
      return { operation_id: collection.nextOperation(), status: "completed" };
    },
  },
  [`PUT ${COLLECTION}/points`]: { route: "upsert", run: changing("upsert") },
  [`POST ${COLLECTION}/points/delete`]: { route: "delete", run: changing("delete") },
  [`POST ${COLLECTION}/points/payload`]: { route: "payload", run: changing("set_payload") },
  [`PUT ${COLLECTION}/points/payload`]: { route: "payload", run: changing("overwrite_payload") },
  [`POST ${COLLECTION}/points/batch`]: {
    route: "batch",
    run: (service, name, body) => changeMany(service.collection(name), body),
  },
  [`POST ${COLLECTION}/points/query`]: {
    route: "query",
    run: (service, name, body) => query(service.collection(name), body),
  },
  [`POST ${COLLECTION}/points/scroll`]: {
    route: "scroll",
    run: (service, name, body) => scroll(service.collection(name), body),
  },
  [`POST ${COLLECTION}/points/count`]: {
    route: "count",
    run: (service, name, body) => count(service.collection(name), body),
  },
};

/** Which collection a path is about, and what of it. */
function found(
  method: string,
  path: string,
): { operation: Operation; name: string; endpoint: string } | undefined {
  const [, first, name, ...rest] = path.split("/");
  if (first !== "collections") return undefined;
  const pattern = name === undefined ? "" : `/{name}${rest.map((part) => `/${part}`).join("")}`;
  const endpoint = `/collections${pattern}`;
  const operation = OPERATIONS[`${method} ${endpoint}`];
  return operation && { operation, name: decodeURIComponent(name ?? ""), endpoint };
}

export class Service {
  readonly version: string;
  collections = new Map<string, Collection>();
  /** How often each was asked, by what `/metrics` calls it. */
  readonly #counts = new Map<string, number>();

  constructor(version: string) {
    this.version = version;
  }

  /** Undefined for what this stand-in does not know, which need not be nonsense. */
  routeOf(method: string, path: string): Route | undefined {
    if (path === "/") return "root";
    if (/^\/(?:healthz|livez|readyz|metrics)$/.test(path)) return "health";
    return found(method, path)?.operation.route;
  }

  answer(method: string, path: string, body: unknown): Answer {
    if (path === "/") {
      return {
        ...resultOf(null),
        body: JSON.stringify({
          title: "qdrant - vector search engine",
          version: this.version,
          commit: "0".repeat(40),
        }),
      };
    }
    if (path === "/metrics") return plain(200, this.#metrics());
    if (this.routeOf(method, path) === "health") return plain(200, `${path.slice(1)} check passed`);
    const asked = found(method, path);
    if (asked === undefined) return plain(404, "");
    const labels = `method="${method}",endpoint="${asked.endpoint}"`;
    this.#counts.set(labels, (this.#counts.get(labels) ?? 0) + 1);
    try {
      return resultOf(asked.operation.run(this, asked.name, body));
    } catch (error) {
      if (error instanceof Refusal) return refused(error);
      throw error;
    }
  }

  collection(name: string): Collection {
    const collection = this.collections.get(name);
    if (collection === undefined) throw REFUSALS.noCollection(name);
    return collection;
  }

  create(name: string, body: unknown): boolean {
    if (this.collections.has(name)) throw REFUSALS.collectionExists(name);
    const config: JsonObject = isJsonObject(body) ? body : {};
    this.collections.set(name, created(config));
    return true;
  }

  /** Of what can be set later on this is what the stand-in heeds. */
  quantise(name: string, body: unknown): boolean {
    const collection = this.collection(name);
    const quantised = isJsonObject(body) ? body["quantization_config"] : undefined;
    if (quantised !== undefined) {
      collection.config = { ...collection.config, quantization_config: quantised };
    }
    return true;
  }

  /** Of what the real one says there, how many requests it answered; the status is not told apart. */
  #metrics(): string {
    const lines = [...this.#counts].map(([labels, count]) => (
      `rest_responses_total{${labels},status="200"} ${count}\n`
    ));
    return lines.join("");
  }

  list(): object {
    return { collections: [...this.collections.keys()].map((name) => ({ name })) };
  }
}
