import type { FastifyBaseLogger } from "fastify";
import type { Deployment } from "./store/deployment.ts";
import type { Store } from "./store/store.ts";

/** Runs stored deployments: those of one service one at a time, those of different services side by side. */
export interface Queue {
  /** Takes up what an earlier process left, then whatever is waiting. */
  start(): void;
  /** Something new may be waiting. */
  wake(): void;
  /** Starts nothing more; gives what runs the grace time to finish, then has it handed over. */
  stop(graceMs: number): Promise<void>;
}

export interface QueueOptions {
  store: Store;
  parallel: number;
  logger: FastifyBaseLogger;
  run(deployment: Deployment, handOver: AbortSignal): Promise<void>;
}

/** A deployment that takes the process with it would be taken up again at every start. */
const maximumAttempts = 5;

export function createQueue({ store, parallel, logger, run }: QueueOptions): Queue {
  const running = new Map<string, Promise<void>>();
  const handOver = new AbortController();
  let isRunning = false;

  function startNext(): boolean {
    const next = store.claimNext([...running.keys()], Date.now());
    if (next === undefined) return false;
    const { id: deployment, service } = next;
    const work = run(next, handOver.signal)
      // Only the store can fail here. The deployment stays marked as deploying: the next start takes it up.
      .catch((error: unknown) =>
        logger.error({ err: error, deployment, service }, "the outcome could not be stored"),
      )
      .then(() => {
        running.delete(service);
        wake();
      });
    running.set(service, work);
    return true;
  }

  function wake() {
    try {
      while (isRunning && running.size < parallel && startNext());
    } catch (error) {
      logger.error({ err: error }, "the store could not be asked for what is waiting; trying again in 5 s");
      setTimeout(wake, 5000).unref();
    }
  }

  return {
    start() {
      isRunning = true;
      for (const deployment of store.listDeploying()) takeUp(deployment, store, logger);
      wake();
    },
    wake,
    async stop(graceMs) {
      isRunning = false;
      const timer = setTimeout(() => handOver.abort(new Error("the hook is stopping")), graceMs);
      await Promise.all(running.values());
      clearTimeout(timer);
    },
  };
}

function takeUp(
  { id: deployment, service, tag, attempt }: Deployment,
  store: Store,
  logger: FastifyBaseLogger,
): void {
  if (attempt < maximumAttempts) {
    store.handOver(deployment, "the hook ended while this was deploying; taken up again");
    logger.warn({ deployment, service, tag, attempt }, "taking up a deployment that was interrupted");
    return;
  }
  const reason = `interrupted ${attempt} times: every attempt ended with the hook itself`;
  store.finish(deployment, "failed", reason, Date.now());
  logger.error({ deployment, service, tag, attempt }, reason);
}
