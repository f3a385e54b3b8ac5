import { setTimeout as sleep } from "node:timers/promises";
import type { EtcdClient } from "../etcd-api/client.ts";
import { type Condition, commit, readRange } from "../etcd-api/store.ts";
import { pauseAfter } from "../queue/retry.ts";
import { ApiError } from "../target/api-error.ts";
import type { Places } from "../target/etcd/places.ts";
import { type Progress, parseProgress, parseRelease, type ReleaseRecord } from "../target/etcd/record.ts";

/** A release as etcd has it. */
export interface Order {
  name: string;
  record: ReleaseRecord;
  /** Of the change that brought it. */
  modRevision: number;
}

/** There is a newer release: whoever is at work on this one stops. */
export class Superseded extends Error {}

export interface ReportTools {
  client: EtcdClient;
  places: Places;
  machine: string;
  retryDelayMs: number;
  /** Of this machine's last word on releases of the name; 0 where there was none, or it is not known. */
  lastWord: { modRevision: number };
  log(line: string): void;
}

export type Said = Pick<Progress, "state" | "line"> & Partial<Progress>;

/**
 * Writes into etcd how far this machine is with a release, while that is the release: what is said of an older one
 * would be taken for the newer one's. Waits for an etcd that is away, until the signal.
 */
export async function report(
  tools: ReportTools,
  order: Order,
  said: Said,
  signal: AbortSignal,
  turn?: TurnCondition,
): Promise<void> {
  const { retryDelayMs, log } = tools;
  log(said.line);
  for (let failures = 0; ; ) {
    try {
      if (await writeOnce(tools, order, said, signal, turn)) return;
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError) || !error.isTemporary) throw error;
      failures++;
      const pauseMs = pauseAfter(failures, { firstMs: retryDelayMs, maximumMs: 4 * retryDelayMs });
      await sleep(pauseMs, undefined, { signal });
    }
  }
}

type TurnCondition = Extract<Condition, { createRevision: number }>;

/**
 * Compared with this machine's last word too: one that was given up while it was under way must not come after the
 * next. One request where nothing has changed since, as it mostly is: a fleet has many machines. `false` when something
 * has: it is known now.
 */
async function writeOnce(
  { client, places, machine, lastWord }: ReportTools,
  order: Order,
  said: Said,
  signal: AbortSignal,
  turn: TurnCondition | undefined,
): Promise<boolean> {
  const { name, record } = order;
  const releaseKey = places.release(name);
  const ownKey = places.progress(name, machine);
  const word = JSON.stringify({ release: record.id, machine, ...said });
  const { isDone, revision, found } = await commit(client, {
    when: [
      { key: releaseKey, modRevision: order.modRevision },
      { key: ownKey, modRevision: lastWord.modRevision },
      ...(turn === undefined ? [] : [turn]),
    ],
    put: { [ownKey]: word },
    otherwiseRead: [releaseKey, ownKey, ...(turn === undefined ? [] : [turn.key])],
    signal,
  });
  if (isDone) {
    lastWord.modRevision = revision;
    return true;
  }
  const entryOf = (key: string) => found.find((entry) => entry.key === key);
  const release = entryOf(releaseKey);
  if (release === undefined || parseRelease(release.value)?.id !== record.id) throw new Superseded();
  if (turn !== undefined && entryOf(turn.key)?.createRevision !== turn.createRevision) throw new TurnLost();
  const own = entryOf(ownKey);
  order.modRevision = release.modRevision;
  lastWord.modRevision = own?.modRevision ?? 0;
  // As an agent finds it that is started again.
  return own?.value === word;
}

/** The turn's key is gone, or somebody else's. */
export class TurnLost extends Error {}

/** What has failed on one machine is not begun on another, nor again on the same. */
export async function findFailure(
  { client, places }: ReportTools,
  { name, record }: Order,
  signal: AbortSignal,
): Promise<Progress | undefined> {
  const { entries } = await readRange(client, places.progressOf(name), { signal });
  return entries
    .map(({ value }) => parseProgress(value))
    .find((one) => one?.release === record.id && one.state === "failed");
}
