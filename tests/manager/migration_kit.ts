/** What tests of migrations share: a folder in memory, and users whose brains are real ones in process. */
import type { BrainAddress } from "../../src/manager/brain_access.ts";
import { HttpBrains } from "../../src/manager/brain_access/http.ts";
import {
  migrate,
  type MigrationLine,
  type MigrationOptions,
  type MigrationSummary,
  type MigrationUsers,
} from "../../src/manager/migration.ts";
import type { MigrationFolder } from "../../src/manager/migration_folder.ts";
import { slugOf } from "../../src/manager/user_id.ts";
import { joinBytes } from "../../src/lines.ts";
import { FakeClock } from "../fakes/indexing.ts";
import { HttpApp, type Json, KEY } from "../http_app.ts";
import { never, piecesOf } from "./backup_kit.ts";

/** Forgets on a `crash` whatever was not made durable. */
export class RamMigrationFolder implements MigrationFolder {
  readonly files = new Map<string, Uint8Array>();
  #durable = new Map<string, Uint8Array>();
  /** Called before everything that changes it. */
  fault: () => void = () => {};

  append(name: string, bytes: Uint8Array, { durable } = { durable: false }): Promise<void> {
    return Promise.try(() => {
      this.fault();
      this.files.set(name, joinBytes([this.files.get(name) ?? new Uint8Array(), bytes]));
      if (durable) this.#settle(name);
    });
  }

  settle(names: Iterable<string>): Promise<void> {
    return Promise.try(() => {
      this.fault();
      for (const name of names) this.#settle(name);
    });
  }

  replace(name: string, bytes: Uint8Array): Promise<void> {
    return Promise.try(() => {
      this.fault();
      this.files.set(name, bytes);
      this.#settle(name);
    });
  }

  async *read(name: string): AsyncGenerator<Uint8Array> {
    await Promise.resolve();
    const bytes = this.files.get(name);
    if (bytes !== undefined) yield bytes;
  }

  remove(name: string): Promise<void> {
    return Promise.try(() => {
      this.fault();
      this.files.delete(name);
    });
  }

  clear(): Promise<void> {
    return Promise.try(() => {
      this.fault();
      this.files.clear();
      this.#durable.clear();
    });
  }

  crash(): void {
    this.files.clear();
    for (const [name, bytes] of this.#durable) this.files.set(name, bytes);
  }

  text(name: string): string {
    return new TextDecoder().decode(this.files.get(name));
  }

  #settle(name: string): void {
    const bytes = this.files.get(name);
    if (bytes !== undefined) this.#durable.set(name, bytes);
  }
}

/** Users who have a brain as soon as they are asked for. */
export class Town implements MigrationUsers, AsyncDisposable {
  readonly apps = new Map<string, HttpApp>();
  readonly clock = new FakeClock();
  readonly brains: HttpBrains;
  /** May throw, to stand for what fails. */
  fault: (call: string) => void = () => {};
  #made = 0;

  constructor() {
    const fetch = async (url: string, init: RequestInit) => {
      const { host, pathname } = new URL(url);
      this.fault(`${host} ${pathname}`);
      const request = new Request(url, { ...init, ...{ duplex: "half" } });
      if (init.body) request.headers.set("Transfer-Encoding", "chunked");
      const reply = await this.apps.get(host)?.app.fetch(request);
      this.fault(`${host} ${pathname} answered`);
      return reply ?? new Response("", { status: 503 });
    };
    this.brains = new HttpBrains({ fetch, clock: this.clock });
  }

  async provide(userId: string): Promise<{ created: boolean; address: BrainAddress }> {
    const slug = slugOf(userId);
    this.fault(`${slug} provide`);
    const created = !this.apps.has(slug);
    if (created) {
      const app = new HttpApp({ clock: this.clock, firstId: 1000 * ++this.#made });
      await app.brain.open();
      this.apps.set(slug, app);
    }
    return { created, address: { url: `http://${slug}`, key: KEY } };
  }

  /** What the user's brain holds, oldest first. */
  async memoriesOf(userId: string): Promise<Json[]> {
    const app = this.apps.get(slugOf(userId));
    if (app === undefined) return [];
    return (await app.done(200, "GET", "/memories?limit=100&order=asc")).memories;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { brain } of this.apps.values()) await brain.close();
  }
}

export interface Run {
  readonly summary: MigrationSummary;
  readonly lines: readonly MigrationLine[];
}

export async function run(
  town: Town,
  text: string,
  options: Partial<MigrationOptions> & { folder: MigrationFolder; isLines?: boolean },
): Promise<Run> {
  const lines: MigrationLine[] = [];
  const migrating = migrate({
    input: { open: () => piecesOf(text, 50), isLines: options.isLines ?? false },
    users: town,
    brains: town.brains,
    clock: town.clock,
    onConflict: "newest",
    concurrency: 2,
    mostUsers: 100,
    dryRun: false,
    report: (line) => lines.push(line),
    ...options,
  }, never());
  await town.clock.until(migrating);
  return { summary: await migrating, lines };
}
