import type { FastifyBaseLogger, FastifyInstance } from "fastify";
import { buildApp, type LogStream } from "./app.ts";
import type { Config } from "./config/load.ts";
import { deploy } from "./deploy/deploy.ts";
import { createMetrics } from "./metrics/metrics.ts";
import { createDelivery, type DeliveryTiming } from "./notify/delivery.ts";
import {
  type CallbackConnection,
  callbacksFor,
  createDockerHubCallback,
} from "./notify/docker-hub-callback.ts";
import { notificationsFor } from "./notify/notifications.ts";
import { createOperations, type Operations } from "./operations.ts";
import { createQueue, type Queue } from "./queue/queue.ts";
import { keepHistoryShort } from "./queue/retention.ts";
import {
  createEventStreams,
  defaultEventStreamOptions,
  type EventStreamOptions,
} from "./routes/api/event-stream.ts";
import type { NotificationsFor } from "./store/changes.ts";
import type { NewAuditEntry } from "./store/deployment.ts";
import { openStore, type Store } from "./store/store.ts";

/** The whole hook, without the process around it. */
export interface Hook {
  app: FastifyInstance;
  store: Store;
  operations: Operations;
  /** Listens, then takes up what is stored. */
  start(): Promise<void>;
  /** Works by another config from now on. */
  reload(config: Config): void;
  /** Another config was to be loaded and is not good: says so to whoever watches. */
  keepConfig(): void;
  /** Takes nothing new, finishes what runs within the grace time or leaves it to the next start. */
  stop(): Promise<void>;
}

export interface HookOptions {
  eventStreams?: Partial<EventStreamOptions>;
  notifications?: Partial<DeliveryTiming>;
  /** How Docker Hub's callbacks are reached, for tests. */
  callbacks?: CallbackConnection;
}

export function createHook(config: Config, logStream: LogStream, options: HookOptions = {}): Hook {
  const { notifications, callbacks, eventStreams } = options;
  const live = { current: config };
  const store: Store = openStore(config.storePath, {
    notificationsFor: (deployment, transition) => notify(deployment, transition, live.current, store, logger),
    onError: () => metrics.countStoreError(),
  });
  const metrics = createMetrics(live, store);
  const onAudited = ({ atMs: _, ...entry }: NewAuditEntry) => {
    metrics.countOperation(entry.action, entry.actor);
    logger.info(entry, "done by a person");
  };
  const streams = createEventStreams({ ...defaultEventStreamOptions, ...eventStreams });
  const onChange = () => {
    queue.wake();
    streams.wake();
  };
  const operations = createOperations({ live, store, onChange, onAudited });
  const app = buildApp({
    live,
    store,
    metrics,
    operations,
    logStream,
    streams,
    onAccepted: () => queue.wake(),
  });
  const logger: FastifyBaseLogger = app.log;
  const builtIn = [createDockerHubCallback(callbacks)];
  const delivery = createDelivery({ live, store, metrics, logger, timing: notifications, builtIn });
  store.onTransition(() => {
    delivery.wake();
    streams.wake();
  });
  const queue: Queue = createQueue({
    live,
    store,
    logger,
    run: (deployment, signals) => deploy(deployment, signals, { live, store, logger }),
  });
  let stopPruning = () => {};
  return {
    app,
    store,
    operations,
    async start() {
      noteMigration(store, config.storePath, logger);
      await app.listen(live.current.listen);
      delivery.start();
      stopPruning = keepHistoryShort(live, store, logger);
      await queue.start();
    },
    reload(next) {
      live.current = next;
      metrics.noteReload(true);
      onChange();
    },
    keepConfig: () => metrics.noteReload(false),
    async stop() {
      const { graceMs } = live.current;
      stopPruning();
      // A sender that never finishes its request must not hold the process longer than a deployment may.
      const timer = setTimeout(() => app.server.closeAllConnections(), graceMs);
      await Promise.all([app.close(), queue.stop(graceMs)]);
      clearTimeout(timer);
      await delivery.stop();
      store.close();
    },
  };
}

/** An empty history where somebody expects one is no small thing. */
function noteMigration({ migration }: Store, store: string, logger: FastifyBaseLogger): void {
  if (migration === undefined) return;
  if (migration.from === 0) logger.info({ store }, "the store is new: the history begins here");
  else logger.warn({ store, ...migration }, "the store was brought to this program's schema");
}

/** A deployment goes on whatever becomes of telling about it. */
function notify(
  deployment: Parameters<NotificationsFor>[0],
  transition: Parameters<NotificationsFor>[1],
  config: Config,
  store: Store,
  logger: FastifyBaseLogger,
): ReturnType<NotificationsFor> {
  try {
    return [
      ...notificationsFor(deployment, transition, config, store),
      ...callbacksFor(deployment, transition, config.services, store),
    ];
  } catch (error) {
    logger.error({ err: error, deployment: deployment.id }, "who is to be told could not be found out");
    return [];
  }
}
