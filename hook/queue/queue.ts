import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyBaseLogger } from "fastify";
import type { LiveConfig } from "../live-config.ts";
import type { ClaimRules, Held } from "../store/claims.ts";
import type { Deployment } from "../store/deployment.ts";
import type { Store } from "../store/store.ts";
import { noteReasons } from "./waiting.ts";
import { isWithin } from "./window.ts";

/** Runs stored deployments: those of one service one at a time, those of different services side by side. */
export interface Queue {
  /** Takes up what an earlier process left, then whatever is waiting. */
  start(): Promise<void>;
  /** Something new may be waiting, or has to be stopped. */
  wake(): void;
  /** Starts nothing more; gives what runs the grace time to finish, then has it handed over. */
  stop(graceMs: number): Promise<void>;
}

export interface RunSignals {
  /** Aborted when the process has to leave: what runs goes back to the queue for the next one. */
  handOver: AbortSignal;
  /** Aborted when a person cancels; the reason is a `Cancellation`. */
  cancel: AbortSignal;
}

export interface Cancellation {
  actor: string;
}

export interface QueueOptions {
  live: LiveConfig;
  store: Store;
  logger: FastifyBaseLogger;
  run(deployment: Deployment, signals: RunSignals): Promise<void>;
}

interface Running {
  work: Promise<void>;
  cancel: AbortController;
}

/** A deployment that takes the process with it would be taken up again at every start. */
const maximumAttempts = 5;

/** How long after the grace time an outcome may take: a target has 15 s to heed its signal. */
const lastMs = 20_000;

/** Windows open, pauses between tries end, other processes write, and some of them die: all that is looked for. */
const lookEveryMs = 1000;

const leastPauseMs = 25;

export function createQueue({ live, store, logger, run }: QueueOptions): Queue {
  const running = new Map<number, Running>();
  const handOver = new AbortController();
  let isRunning = false;
  let isLooking = false;
  let lookAgain = false;
  let timer: NodeJS.Timeout | undefined;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let pause: NodeJS.Timeout | undefined;

  function launch(deployment: Deployment): void {
    const { id, service } = deployment;
    const cancel = new AbortController();
    const work = run(deployment, { handOver: handOver.signal, cancel: cancel.signal })
      // Only the store can fail here. The deployment stays this process's own until it ends.
      .catch((error: unknown) =>
        logger.error({ err: error, deployment: id, service }, "the outcome could not be stored"),
      )
      .then(() => {
        running.delete(id);
        wake();
      });
    running.set(id, { work, cancel });
  }

  async function startWaiting(): Promise<void> {
    while (isRunning && running.size < live.current.parallel) {
      const rules = rulesOf(live);
      const next = store.hasNext(rules) ? await store.claimNext(rules) : undefined;
      if (next === undefined) return;
      launch(next);
    }
  }

  function cancelAsked(held: readonly Held[]): void {
    for (const { id, cancelBy } of held) {
      if (cancelBy !== null) running.get(id)?.cancel.abort({ actor: cancelBy } satisfies Cancellation);
    }
  }

  async function look(): Promise<void> {
    const held = store.listHeld();
    cancelAsked(held);
    await takeUpAbandoned(held, store, logger);
    await startWaiting();
    await noteReasons(store, live.current, Date.now());
  }

  /** One look at a time; what happens during one leads to another. */
  async function lookUntilDone(): Promise<void> {
    if (isLooking) {
      lookAgain = true;
      return;
    }
    isLooking = true;
    lookedAtMs = performance.now();
    try {
      do {
        lookAgain = false;
        await look();
      } while (lookAgain && isRunning);
    } catch (error) {
      logger.error({ err: error }, "the store could not be asked for what is waiting; trying again");
    } finally {
      isLooking = false;
    }
  }

  /** At once; but many webhooks a second must not be as many looks. */
  function wake(): void {
    if (!isRunning || pause !== undefined) return;
    const sinceMs = performance.now() - lookedAtMs;
    if (sinceMs >= leastPauseMs) return void lookUntilDone();
    pause = setTimeout(() => {
      pause = undefined;
      void lookUntilDone();
    }, leastPauseMs - sinceMs);
  }

  return {
    async start() {
      isRunning = true;
      timer = setInterval(wake, lookEveryMs).unref();
      await lookUntilDone();
    },
    wake,
    async stop(graceMs) {
      isRunning = false;
      clearInterval(timer);
      clearTimeout(pause);
      const graceTimer = setTimeout(() => handOver.abort(new Error("the hook is stopping")), graceMs);
      const works = Promise.all([...running.values()].map(({ work }) => work));
      // Whoever is not done by then cannot write its outcome down: the next start takes it up.
      await Promise.race([works, sleep(graceMs + lastMs, undefined, { ref: false })]);
      clearTimeout(graceTimer);
    },
  };
}

function rulesOf({ current }: LiveConfig): ClaimRules {
  const nowMs = Date.now();
  const closed = [...current.services.values()].filter(
    ({ window }) => window !== undefined && !isWithin(window, nowMs),
  );
  return { nowMs, outsideWindow: closed.map(({ name }) => name) };
}

/** What a process was at work on that is not there any more. */
async function takeUpAbandoned(
  held: readonly Held[],
  store: Store,
  logger: FastifyBaseLogger,
): Promise<void> {
  const gone = new Set(held.map(({ holder }) => holder).filter((holder) => !store.isHolderAlive(holder)));
  for (const abandoned of held) {
    if (gone.has(abandoned.holder)) await takeUp(abandoned, store, logger);
  }
}

async function takeUp(
  { id, service, tag, attempt, retries, state, holder }: Held,
  store: Store,
  logger: FastifyBaseLogger,
): Promise<void> {
  const fields = { deployment: id, service, tag, attempt, state };
  const interruptions = attempt - retries;
  if (interruptions < maximumAttempts) {
    const reason = `the hook ended while this was ${state}; taken up again`;
    if (!(await store.handOver(id, state, reason, holder))) return;
    logger.warn(fields, "taking up a deployment that was interrupted");
    return;
  }
  const reason = `interrupted ${interruptions} times: every attempt ended with the hook itself`;
  await store.transition(id, "failed", { reason, actor: "hook" });
  logger.error(fields, reason);
}
