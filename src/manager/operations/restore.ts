/**
 * A user as he was when a backup was made. It is loaded onto a new claim; the one he has is not
 * touched, and stays for a week. Until all of it is there the record names the old claim: whatever
 * breaks off, and whoever takes over, finds his data there. A volume that was set aside is his data
 * as well, and nothing is loaded onto it; only where it is lost by now is he restored without it, also
 * one who was deleted.
 *
 * What is written while it runs goes to the new claim: it is kept where the restore succeeds.
 */
import { z } from "zod";
import { createFrom } from "../claims.ts";
import { ManagerError } from "../errors.ts";
import { deleteNamespace, dropClaims, stopBrain } from "../namespaces.ts";
import type { UserRecord } from "../record.ts";
import { findClaim, findKept, listClaims } from "../volumes.ts";
import { requireThere } from "./asked_of.ts";
import { dataSource, isSnapshotId, isUsable } from "./snapshots.ts";
import {
  outcomeOf,
  type Preparation,
  type Step,
  type StepContext,
  type StepOutcome,
  type Verb,
} from "./step.ts";
import { answering, back, rest, up } from "./waking.ts";

const KEPT_MS = 7 * 24 * 3_600_000;
const MOST_KEPT = 8;

const askedSchema = z.object({ backup: z.string() });
const argsSchema = askedSchema.extend({
  claim: z.int(),
  memories: z.int().nullable(),
  /** The uid of the volume that the record names, and that is gone. */
  lost: z.string().nullable().default(null),
});

async function prepare(context: Preparation, asked: Record<string, unknown>) {
  const { record } = context;
  const { backup } = askedSchema.parse(asked);
  const lost = await lostVolume(context);
  if (record.keptClaims.length + record.keptVolumes.length >= MOST_KEPT) {
    throw new ManagerError(
      "wrong_state",
      `Cannot restore: ${MOST_KEPT} former volumes are kept already; try again once one has gone`,
    );
  }
  const memories = await memoriesIn(context, backup);
  return { backup, memories, claim: await nextNumber(context), lost };
}

/** Throws where his data is to be had without a backup, or soon will be. */
async function lostVolume({ cluster, clock, record }: Preparation): Promise<string | null> {
  const { volume, state, purgeAt } = record;
  const isKept = volume !== null && await findKept(cluster, volume) !== undefined;
  const isOver = purgeAt !== null && Date.parse(purgeAt) <= clock.now();
  if (isKept || isOver) requireThere(record, "restore");
  if (isKept && state !== "deleted") {
    throw new ManagerError(
      "wrong_state",
      "Cannot restore: he is just being brought back; try again once he runs",
      { retryAfterS: 60 },
    );
  }
  return volume?.uid ?? null;
}

/** Null for a snapshot: nobody counted them. */
async function memoriesIn(context: Preparation, backup: string): Promise<number | null> {
  if (isSnapshotId(backup)) {
    if (await isUsable(context, backup)) return null;
  } else {
    const { backups } = await context.backups.list(context.record, context.signal);
    const found = backups.find(({ id }) => id === backup);
    if (found !== undefined) return found.memories;
  }
  throw new ManagerError("no_such_backup", "Cannot restore: there is no such backup of this user");
}

/** Never one that was used before. */
async function nextNumber({ cluster, record }: Preparation): Promise<number> {
  const names = (await listClaims(cluster, record)).map(({ metadata }) => metadata.name);
  const there = names.flatMap((name) => /^data-(\d+)$/.exec(name)?.slice(1).map(Number) ?? []);
  const known = [record.claim, ...record.keptClaims].map(({ number }) => number);
  return Math.max(...known, ...there) + 1;
}

/** The record as it will be. Throws where his data was set aside since it was begun. */
function onNewClaim({ operation }: StepContext, record: UserRecord): UserRecord {
  const { claim: number, lost } = argsSchema.parse(operation.args);
  if (record.volume !== null && record.volume.uid !== lost) {
    throw new ManagerError(
      "wrong_state",
      "Cannot restore: his namespace or his claim was deleted meanwhile; try again once he runs",
      { retryAfterS: 60 },
    );
  }
  return { ...record, state: "active", claim: { ...record.claim, number }, volume: null };
}

function isSwitched({ record, operation }: StepContext): boolean {
  return record.claim.number === argsSchema.parse(operation.args).claim;
}

const stop: Step = {
  name: "stop",
  run: async (context) => {
    if (isSwitched(context)) return "done";
    const awaited = await stopBrain(context.cluster, context.record);
    if (awaited !== undefined || context.operation.failure !== null) return outcomeOf(awaited);
    // What an earlier restore could not put back: there is room for one claim more, and no other.
    return await dropOthers(context);
  },
};

/** All but the claim in use, and those that are kept. */
async function dropOthers({ cluster, record }: StepContext): Promise<StepOutcome> {
  const kept = [record.claim, ...record.keptClaims].map(({ number }) => number);
  return outcomeOf(await dropClaims(cluster, record, kept));
}

const load: Step = {
  name: "claim",
  run: async (context) => {
    const wanted = onNewClaim(context, context.record);
    const { backup } = argsSchema.parse(context.operation.args);
    if (isSnapshotId(backup)) {
      const claim = context.wantedObjects(wanted).find(({ kind, metadata: { name } }) =>
        kind === "PersistentVolumeClaim" && name === `data-${wanted.claim.number}`
      );
      if (claim === undefined) throw new Error("The objects of a user lack his claim");
      await createFrom(context.cluster, claim, dataSource(backup));
    }
    const outcome = await up(context, wanted);
    return outcome === "done" ? await answering(context) : outcome;
  },
};

const fill: Step = {
  name: "import",
  run: async (context) => {
    const { brains, backups, record, operation, signal } = context;
    const { backup, memories } = argsSchema.parse(operation.args);
    if (memories === null || isSwitched(context)) return "done";
    const address = await context.addressOf(record);
    const pieces = backups.read(record, backup, signal);
    const { imported, updated } = await brains.import(address, pieces, signal);
    const { memories: there } = await brains.stats(address, signal);
    if (imported + updated === memories && there >= memories) return "done";
    throw new ManagerError(
      "backup_failed",
      `Cannot restore: of ${memories} memories ${
        imported + updated
      } were taken, ${there} are there`,
    );
  },
};

const commit: Step = {
  name: "commit",
  run: async (context) => {
    const { cluster, clock, record, operation } = context;
    const { claim: number } = argsSchema.parse(operation.args);
    const isThere = await findClaim(cluster, record, record.claim.number) !== undefined;
    const dropAt = new Date(clock.now() + KEPT_MS).toISOString();
    await context.update((now) => {
      if (now.claim.number === number) return now;
      const former = isThere ? [{ number: now.claim.number, dropAt }] : [];
      const switched = { ...onNewClaim(context, now), keptClaims: [...now.keptClaims, ...former] };
      if (now.state !== "deleted") return { ...switched, state: now.state };
      return {
        ...switched,
        generation: now.generation + 1,
        deletedAt: null,
        purgeAt: null,
      };
    });
    await context.event("Restored", "He is as the backup has it; the former claim is kept 7 days");
    return "done";
  },
};

/** The old claim again; where that and its volume were lost before, there is none to go back to. */
const goBack: Step = {
  name: "go_back",
  run: async (context) => {
    const { cluster, record, operation } = context;
    const { lost } = argsSchema.parse(operation.args);
    if (isSwitched(context) || record.state === "deleted") return "done";
    const isSetAside = record.volume !== null && record.volume.uid !== lost;
    const claim = await findClaim(cluster, record, record.claim.number);
    return isSetAside || claim !== undefined ? await back(context) : "done";
  },
};

const drop: Step = { name: "drop", run: dropOthers };

/** Of one who stays deleted. */
const leave: Step = {
  name: "leave",
  run: async ({ cluster, record }) =>
    outcomeOf(record.state === "deleted" ? await deleteNamespace(cluster, record) : undefined),
};

export const restore: Verb = {
  minutes: 120,
  prepare,
  steps: () => [stop, load, fill, commit, rest],
  wayBack: () => [stop, goBack, drop, rest, leave],
};
