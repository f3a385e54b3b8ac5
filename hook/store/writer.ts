import type { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

/** Does what is asked of it inside a transaction; what its promise gives is on the disk. */
export type Write = <Result>(work: () => Result) => Promise<Result>;

export interface Writer {
  write: Write;
  /** Writes what is left. */
  flush(): void;
}

interface Job {
  work(): unknown;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** A full disk ends a transaction before its time, and with it works that had gone well. */
class LostTransaction extends Error {}

type Ending = { job: Job; result: unknown } | { job: Job; error: unknown };

/** Another process may have the store for the time of its commit; how long that is waited for in all. */
const busyLimitMs = 5000;
const busyPauseMs = 5;

/**
 * Group commit: what is asked for within one turn of the event loop shares one transaction, and so one wait for the
 * disk. While that wait lasts, more requests arrive: the next turn has them all. Each work has a savepoint of its
 * own, so that one that throws takes nothing else with it.
 */
export function createWriter(database: DatabaseSync): Writer {
  let jobs: Job[] = [];
  let isScheduled = false;

  function write<Result>(work: () => Result): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      jobs.push({ work, resolve: resolve as (result: unknown) => void, reject });
      if (isScheduled) return;
      isScheduled = true;
      setImmediate(() => void run());
    });
  }

  async function run(): Promise<void> {
    const startedMs = performance.now();
    while (!begin(performance.now() - startedMs < busyLimitMs)) await sleep(busyPauseMs);
    isScheduled = false;
  }

  /** Returns false when it is to be tried again a little later. */
  function begin(mayWait: boolean): boolean {
    try {
      database.exec("BEGIN IMMEDIATE");
    } catch (error) {
      if (mayWait && isBusy(error)) return false;
      rejectAll(error);
      return true;
    }
    const taken = jobs;
    jobs = [];
    settle(commit(database, taken));
    return true;
  }

  function rejectAll(error: unknown): void {
    const taken = jobs;
    jobs = [];
    for (const job of taken) job.reject(error);
  }

  function flush(): void {
    if (jobs.length > 0) begin(false);
  }

  return { write, flush };
}

/** Runs all works and commits. A commit that fails fails them all. */
function commit(database: DatabaseSync, jobs: readonly Job[]): Ending[] {
  const endings = jobs.map((job) => attempt(database, job));
  const failAll = (error: unknown) =>
    endings.map((ending) => ("error" in ending ? ending : { job: ending.job, error }));
  if (!database.isTransaction) return failAll(new LostTransaction("the transaction ended before its time"));
  try {
    database.exec("COMMIT");
    return endings;
  } catch (error) {
    // A failed COMMIT may have rolled back by itself already.
    if (database.isTransaction) database.exec("ROLLBACK");
    return failAll(error);
  }
}

function attempt(database: DatabaseSync, job: Job): Ending {
  // A savepoint would begin a transaction of its own, and releasing it commit that.
  if (!database.isTransaction)
    return { job, error: new LostTransaction("the transaction ended before its time") };
  try {
    database.exec("SAVEPOINT work");
    const result = job.work();
    database.exec("RELEASE work");
    return { job, result };
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK TO work; RELEASE work");
    return { job, error };
  }
}

function settle(endings: readonly Ending[]): void {
  for (const ending of endings) {
    if ("error" in ending) ending.job.reject(ending.error);
    else ending.job.resolve(ending.result);
  }
}

/**
 * Writes again until it works, for what must not be forgotten: the disk may be full or read-only for a while, another
 * process may have the store. Any other failure, and the store's end, are passed on.
 */
export async function insist<Result>(write: () => Promise<Result>, isOpen: () => boolean): Promise<Result> {
  for (let pauseMs = 50; ; pauseMs = Math.min(pauseMs * 2, 2000)) {
    try {
      return await write();
    } catch (error) {
      if (!isUnavailable(error) || !isOpen()) throw error;
      await sleep(pauseMs);
    }
  }
}

/** https://www.sqlite.org/rescode.html */
const unavailable = { busy: 5, locked: 6, readonly: 8, ioError: 10, full: 13, cannotOpen: 14, protocol: 15 };

function primaryCode(error: unknown): number {
  return ((error as { errcode?: number }).errcode ?? 0) & 0xff;
}

/** Trying again later may help: the disk is full, or the file cannot be had for the moment. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof LostTransaction || Object.values(unavailable).includes(primaryCode(error));
}

function isBusy(error: unknown): boolean {
  return [unavailable.busy, unavailable.locked].includes(primaryCode(error));
}
