import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyBaseLogger } from "fastify";
import type { LiveConfig } from "../live-config.ts";
import type { Store } from "../store/store.ts";

const everyMs = 60 * 60 * 1000;
const firstAfterMs = 60_000;
const pauseMs = 50;

/** Removes what is older than the config wants it kept, an hour after an hour. Returns how to stop that. */
export function keepHistoryShort(live: LiveConfig, store: Store, logger: FastifyBaseLogger): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  const work = async () => {
    await sleep(firstAfterMs, undefined, { signal, ref: false });
    for (;;) {
      await pruneAll(live, store, logger, signal);
      await sleep(everyMs, undefined, { signal, ref: false });
    }
  };
  // Only the end of the waiting ends it.
  work().catch(() => {});
  return () => stop.abort();
}

async function pruneAll(
  live: LiveConfig,
  store: Store,
  logger: FastifyBaseLogger,
  signal: AbortSignal,
): Promise<void> {
  const { keepMs } = live.current;
  let removed = 0;
  try {
    for (let some = 1; some > 0 && !signal.aborted; removed += some) {
      some = await store.prune(Date.now() - keepMs);
      await sleep(pauseMs);
    }
  } catch (error) {
    logger.error({ err: error }, "old deployments could not be removed; trying again in an hour");
  }
  if (removed > 0) logger.info({ deployments: removed }, "removed what is older than deployments.keep");
}
