/** A user of the end-to-end test: his brain, asked as he asks it, and how his objects are. */
import assert from "node:assert/strict";
import { z } from "zod";
import { eventually } from "../e2e/conditions.ts";
import { at } from "../kubernetes/api_client.ts";
import { placeOf, type TestCluster } from "./e2e_cluster.ts";
import type { Json } from "./http_kit.ts";

const LIMIT_MS = 60_000;

const volumesSchema = z.array(z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({ claimRef: z.looseObject({ namespace: z.string() }).optional() }),
}));

export interface BrainReply {
  readonly status: number;
  readonly text: string;
}

export class TestUser {
  readonly id: string;
  readonly namespace: string;
  readonly #cluster: TestCluster;
  readonly #address: string;

  /** `address` is what the manager gave. */
  constructor(
    cluster: TestCluster,
    { id, namespace, address }: {
      readonly id: string;
      readonly namespace: string;
      readonly address: string;
    },
  ) {
    this.id = id;
    this.namespace = namespace;
    this.#cluster = cluster;
    this.#address = address;
  }

  /** Of the management service. */
  path(rest = ""): string {
    return `/users/${encodeURIComponent(this.id)}${rest}`;
  }

  /** Of the API server: one of his objects. */
  place(apiVersion: string, kind: string, name: string): string {
    return `${placeOf({ apiVersion, kind, namespace: this.namespace })}/${name}`;
  }

  async object(apiVersion: string, kind: string, name: string): Promise<Json> {
    return await this.#cluster.api.want([200], "GET", this.place(apiVersion, kind, name));
  }

  async namespaceStatus(): Promise<number> {
    return (await this.#cluster.api.ask("GET", `/api/v1/namespaces/${this.namespace}`)).status;
  }

  /** His pod's uid: another one is another pod. */
  async podUid(): Promise<string> {
    return `${at(await this.object("v1", "Pod", "brain-0"), "metadata.uid")}`;
  }

  /** The names of the volumes that are his, or were. */
  async volumes(): Promise<string[]> {
    const { items } = await this.#cluster.api.want([200], "GET", "/api/v1/persistentvolumes");
    return volumesSchema.parse(items)
      .filter(({ spec }) => spec.claimRef?.namespace === this.namespace)
      .map(({ metadata }) => metadata.name);
  }

  async ask(key: string, method: string, path: string, body?: object): Promise<BrainReply> {
    const response = await fetch(`${this.#address}${path}`, {
      client: this.#cluster.services.client,
      method,
      headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }

  async add(key: string, memory: object): Promise<void> {
    const { status, text } = await this.ask(key, "POST", "/memories", memory);
    assert.equal(status, 201, text);
  }

  /** All that he has, as his brain writes it down; no reading changes it. */
  async memories(key: string): Promise<Json[]> {
    const wanted = { format: "ndjson", include_embeddings: true };
    const { status, text } = await this.ask(key, "POST", "/export", wanted);
    assert.equal(status, 200, text);
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line)).toSorted((a, b) => a.id < b.id ? -1 : 1);
  }

  /** One of his brain's gauges. */
  async gauge(key: string, name: string): Promise<number> {
    const { text } = await this.ask(key, "GET", "/metrics");
    return Number(new RegExp(`^second_brain_${name} (\\S+)$`, "m").exec(text)?.[1]);
  }

  /** Until the key is let in, or refused. */
  async until(key: string, status: 200 | 401): Promise<void> {
    await eventually(LIMIT_MS, `${status} for the key`, async () => {
      return await this.#statusOf(key) === status || undefined;
    });
  }

  /** Undefined: nobody listens. */
  async #statusOf(key: string): Promise<number | undefined> {
    try {
      return (await this.ask(key, "GET", "/stats")).status;
    } catch (error) {
      if (error instanceof TypeError) return undefined;
      throw error;
    }
  }

  async isAway(key: string): Promise<boolean> {
    return await this.#statusOf(key) === undefined;
  }
}
