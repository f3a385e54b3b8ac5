import type { FastifyInstance } from "fastify";
import { buildApp, type LogStream } from "./app.ts";
import type { Config } from "./config/load.ts";
import { deploy } from "./deploy.ts";
import { createMetrics } from "./metrics.ts";
import { createQueue, type Queue } from "./queue.ts";
import { openStore, type Store } from "./store/store.ts";

/** The whole hook, without the process around it. */
export interface Hook {
  app: FastifyInstance;
  store: Store;
  /** Listens, then takes up what is stored. */
  start(): Promise<void>;
  /** Takes nothing new, finishes what runs within the grace time or leaves it to the next start. */
  stop(): Promise<void>;
}

export function createHook(config: Config, logStream: LogStream): Hook {
  const { services, parallel, graceMs, listen } = config;
  const store = openStore(config.storePath);
  const metrics = createMetrics(services.keys(), store);
  const app = buildApp({ config, store, metrics, logStream, onAccepted: () => queue.wake() });
  const logger = app.log;
  const queue: Queue = createQueue({
    store,
    parallel,
    logger,
    run: (deployment, handOver) => deploy(deployment, handOver, { store, services, metrics, logger }),
  });
  return {
    app,
    store,
    async start() {
      await app.listen(listen);
      // Only now: when the port is taken, another hook may be at work on what is stored.
      queue.start();
    },
    async stop() {
      // A sender that never finishes its request must not hold the process longer than a deployment may.
      const timer = setTimeout(() => app.server.closeAllConnections(), graceMs);
      await Promise.all([app.close(), queue.stop(graceMs)]);
      clearTimeout(timer);
      store.close();
    },
  };
}
