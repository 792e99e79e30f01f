/**
 * A user as he was when a backup was made. It is loaded onto a new claim; the one he has is not
 * touched, and stays for a week. Until all of it is there the record names the old claim: whatever
 * breaks off, and whoever takes over, finds his data there.
 *
 * What is written while it runs goes to the new claim: it is kept where the restore succeeds.
 */
import { z } from "zod";
import { ManagerError } from "../errors.ts";
import { dropClaims, stopBrain } from "../namespaces.ts";
import type { UserRecord } from "../record.ts";
import { createFrom, findClaim, listClaims } from "../volumes.ts";
import { requireThere } from "./asked_of.ts";
import { dataSource, isSnapshotId, isUsable } from "./snapshots.ts";
import type { Preparation, Step, StepContext, StepOutcome, Verb } from "./step.ts";
import { answering, back, outcomeOf, rest, up } from "./waking.ts";

const KEPT_MS = 7 * 24 * 3_600_000;
const MOST_KEPT = 8;

const askedSchema = z.object({ backup: z.string() });
const argsSchema = askedSchema.extend({ claim: z.int(), memories: z.int().nullable() });

async function prepare(context: Preparation, asked: Record<string, unknown>) {
  const { record } = context;
  const { backup } = askedSchema.parse(asked);
  requireThere(record, "restore");
  if (record.volume !== null) {
    throw new ManagerError(
      "wrong_state",
      "Cannot restore: he is just being brought back; try again once he runs",
      { retryAfterS: 60 },
    );
  }
  if (record.keptClaims.length >= MOST_KEPT) {
    throw new ManagerError(
      "wrong_state",
      `Cannot restore: ${MOST_KEPT} former claims are kept already; try again once one has gone`,
    );
  }
  return { backup, memories: await memoriesIn(context, backup), claim: await nextNumber(context) };
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

/** The record as it will be. */
function onNewClaim({ record, operation }: StepContext): UserRecord {
  const { claim: number } = argsSchema.parse(operation.args);
  return { ...record, state: "active", claim: { ...record.claim, number } };
}

function isSwitched({ record, operation }: StepContext): boolean {
  return record.claim.number === argsSchema.parse(operation.args).claim;
}

const stop: Step = {
  name: "stop",
  run: async (context) =>
    outcomeOf(isSwitched(context) ? undefined : await stopBrain(context.cluster, context.record)),
};

const load: Step = {
  name: "claim",
  run: async (context) => {
    const wanted = onNewClaim(context);
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
      if (now.volume !== null) {
        throw new ManagerError(
          "wrong_state",
          "Cannot restore: his namespace was deleted meanwhile",
        );
      }
      const former = isThere ? [{ number: now.claim.number, dropAt }] : [];
      return {
        ...now,
        claim: { ...now.claim, number },
        keptClaims: [...now.keptClaims, ...former],
      };
    });
    await context.event("Restored", "He is as the backup has it; the former claim is kept 7 days");
    return "done";
  },
};

/** The old claim again; where it was lost before, there is none to go back to. */
const goBack: Step = {
  name: "go_back",
  run: async (context) => {
    const { cluster, record } = context;
    if (isSwitched(context)) return "done";
    if (await findClaim(cluster, record, record.claim.number) === undefined) return "done";
    return await back(context);
  },
};

const drop: Step = {
  name: "drop",
  run: async (context): Promise<StepOutcome> => {
    const { cluster, record } = context;
    const kept = [record.claim, ...record.keptClaims].map(({ number }) => number);
    return outcomeOf(await dropClaims(cluster, record, kept));
  },
};

export const restore: Verb = {
  minutes: 120,
  prepare,
  steps: () => [stop, load, fill, commit, rest],
  wayBack: () => [stop, goBack, drop, rest],
};
