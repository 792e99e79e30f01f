/** What users and operators ask for, at random: verbs of the manager, and memories of the brains. */
import { z } from "zod";
import type { Outcome } from "../../src/manager/brain_manager.ts";
import { ManagerError } from "../../src/manager/errors.ts";
import { ClusterError } from "../../src/manager/cluster.ts";
import { SinkError } from "../../src/manager/backup_sink.ts";
import { TIER_NAMES, type TierName } from "../../src/manager/tiers.ts";
import { namespaceOf, slugOf } from "../../src/manager/user_id.ts";
import { below } from "../fakes/store_kit.ts";
import { memoriesOn } from "./brains.ts";
import type { SimulatedCluster } from "./simulated_cluster.ts";
import type { Model } from "./simulation_model.ts";
import type { ManagerProcess } from "./simulation_process.ts";

const ACTS = [
  "write",
  "create",
  "upgrade",
  "suspend",
  "resume",
  "restart",
  "rotate",
  "backup",
  "restore",
  "delete",
  "undelete",
  "purge",
] as const;
type Act = (typeof ACTS)[number];

/** How often what is asked for, of a user in this state. What is of no use is asked for, too. */
const WEIGHTS: Readonly<Record<string, Partial<Record<Act, number>>>> = {
  nobody: { create: 20, delete: 1, backup: 1 },
  active: {
    ...{ write: 30, create: 1, upgrade: 8, suspend: 5, resume: 1, restart: 3, rotate: 4 },
    ...{ backup: 10, restore: 7, delete: 5, undelete: 1, purge: 1 },
  },
  suspended: { write: 2, upgrade: 2, resume: 12, backup: 2, restore: 2, rotate: 1, delete: 3 },
  deleted: { create: 1, backup: 1, restore: 1, delete: 1, undelete: 12, purge: 4 },
};

interface User {
  readonly id: string;
  readonly slug: string;
  memories: number;
  requests: number;
  /** Counts what may have made his key another. */
  keys: number;
  /** The one he was given, and of which count. */
  key: { readonly text: string; readonly keys: number } | undefined;
}

export interface UsersOptions {
  readonly count: number;
  readonly random: () => number;
  readonly cluster: SimulatedCluster;
  readonly model: Model;
}

export class Users {
  readonly all: readonly User[];
  readonly answers = new Map<string, number>();
  readonly #options: UsersOptions;

  constructor(options: UsersOptions) {
    this.#options = options;
    this.all = Array.from({ length: options.count }, (_, n) => {
      const id = n % 4 === 3 ? `User ${n}@example.org` : `u${n}`;
      return { id, slug: slugOf(id), memories: 0, requests: 0, keys: 0, key: undefined };
    });
  }

  any(): User {
    const user = this.all[below(this.#options.random, this.all.length)];
    if (user === undefined) throw new Error("There are no users");
    return user;
  }

  keyLost(slug: string): void {
    for (const user of this.all) if (user.slug === slug) user.keys++;
  }

  signUp(process: ManagerProcess, user: User): void {
    void this.#ask(process, user, "create");
  }

  /** Somebody does something; who asked the manager does not wait here. */
  act(process: ManagerProcess): void {
    const user = this.any();
    const state = this.#options.model.record(user.slug)?.state ?? "nobody";
    const act = chosen(this.#options.random, WEIGHTS[state] ?? {});
    if (act === "write") this.write(user);
    else void this.#ask(process, user, act);
  }

  /** Up to three memories, where his brain runs. */
  write(user: User): void {
    const { cluster, model, random } = this.#options;
    const volumes = cluster.readyPod(namespaceOf(user.slug), "brain-0")?.volumes;
    const [claim, volume] = [...volumes ?? []].find(([name]) => name.startsWith("data-")) ?? [];
    if (claim === undefined || volume === undefined) return;
    for (let left = 1 + below(random, 3); left > 0; left--) {
      const id = `m${++user.memories}`;
      const content = `what ${user.slug} knows ${id}`;
      memoriesOn(volume).set(id, content);
      model.wrote(user.slug, claim, volume, id, content);
    }
  }

  async #ask(process: ManagerProcess, user: User, act: Exclude<Act, "write">): Promise<void> {
    const life = this.#options.model.lifeOf(user.slug);
    if (life !== undefined && act === "delete") life.isDeletionAsked = true;
    if (life !== undefined && act === "purge") life.isPurgeAsked = true;
    if (/^(rotate|delete|purge)$/.test(act)) user.keys++;
    const { keys } = user;
    try {
      const outcome = await this.#asked(process, user, act);
      this.#count(`${act}: ${outcome?.outcome ?? "nothing"}`);
      if (outcome !== undefined) this.#keyGiven(user, keys, outcome);
    } catch (error) {
      this.#count(`${act}: ${this.#said(user, act, error)}`);
    }
  }

  #asked(
    { manager, backups }: ManagerProcess,
    user: User,
    act: Exclude<Act, "write">,
  ): Promise<Outcome | undefined> {
    const { random, model } = this.#options;
    const options = this.#manner(user);
    switch (act) {
      case "create":
        return manager.createUser(user.id, { tier: anyTier(random), withKey: true, ...options });
      case "upgrade":
        return manager.upgradeUser(user.id, {
          ...{ tier: anyTier(random), allowRestart: random() < 0.8 },
          ...options,
        });
      case "rotate":
        return manager.rotateKey(user.id, { graceSeconds: below(random, 3) * 1_800, ...options });
      case "restore": {
        const ids = [...model.lifeOf(user.slug)?.backups.keys() ?? []];
        const backup = ids[below(random, ids.length)] ?? "none";
        return manager.restoreUser(user.id, { backup, ...options });
      }
      case "delete": {
        const retainDays = below(random, 31);
        return manager.deleteUser(user.id, { backup: random() < 0.7, retainDays, ...options });
      }
      case "backup":
        if (random() < 0.9) return manager.backupUser(user.id, options);
        return manager.listBackups(user.id, new AbortController().signal).then(() => undefined);
      default:
        void backups;
        return manager[`${act}User`](user.id, options);
    }
  }

  /** Some wait, some send it again in the same words, some only want to know. */
  #manner(user: User) {
    const { random } = this.#options;
    const again = random() < 0.3;
    const number = again ? user.requests : ++user.requests;
    return {
      waitMs: random() < 0.3 ? 60_000 : 0,
      dryRun: random() < 0.03,
      ...random() < 0.5 ? { idempotencyKey: `request-${number}` } : {},
    };
  }

  #keyGiven(user: User, keys: number, { key, outcome }: Outcome): void {
    const isNow = outcome !== "under_way" && outcome !== "planned" && user.keys === keys;
    if (key !== null && isNow) user.key = { text: key, keys };
  }

  /** What may be said to who asks; all else is a mistake of the manager. */
  #said(user: User, act: Act, error: unknown): string {
    if (error instanceof ManagerError && error.code !== "internal") return error.code;
    if (error instanceof ClusterError && error.fault === "unavailable") return "cluster away";
    if (error instanceof SinkError && error.fault !== "missing") return "sink away";
    this.#options.model.note(`${user.slug}: "${act}" was answered: ${error}`);
    return "a mistake";
  }

  #count(answer: string): void {
    this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
  }
}

function anyTier(random: () => number): TierName {
  const at = random();
  return TIER_NAMES[at < 0.7 ? 0 : at < 0.95 ? 1 : 2] ?? "free";
}

function chosen(random: () => number, weights: Partial<Record<Act, number>>): Act {
  const all = ACTS.map((act) => [act, weights[act] ?? 0] as const);
  let left = random() * all.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [act, weight] of all) {
    left -= weight;
    if (left < 0) return act;
  }
  return "create";
}

const secretSchema = z.looseObject({ data: z.record(z.string(), z.string()).default({}) });

/** Once nothing is under way: a user's last key opens his brain, and the one before is gone. */
export function keyProblems({ all }: Users, cluster: SimulatedCluster, model: Model): string[] {
  return all.flatMap((user) => {
    const record = model.record(user.slug);
    if (record === undefined || record.state === "deleted") return [];
    const ref = { apiVersion: "v1", kind: "Secret", name: "brain-key" };
    const secret = cluster.peek({ ...ref, namespace: namespaceOf(user.slug) });
    const { data } = secretSchema.parse(secret ?? {});
    const [current, previous] = [atob(data["key"] ?? ""), data["previous"] ?? ""];
    return [
      ...current.length >= 40 ? [] : [`${user.slug}: has no key`],
      ...previous === "" ? [] : [`${user.slug}: his former key is let in still`],
      ...user.key === undefined || user.key.keys !== user.keys || user.key.text === current
        ? []
        : [`${user.slug}: the key that he was given opens nothing`],
    ];
  });
}
