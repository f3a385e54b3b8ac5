import { Counter, collectDefaultMetrics, Gauge, Registry } from "@prometheus-io/client";
import packageJson from "../../package.json" with { type: "json" };
import type { LiveConfig } from "../live-config.ts";
import type { Store } from "../store/store.ts";
import { observeDeployments } from "./deployment-metrics.ts";
import { registerStoreMetrics } from "./store-metrics.ts";

export type WebhookResult =
  | "accepted"
  | "duplicate"
  | "ignored"
  | "rejected"
  | "bad_signature"
  | "rate_limited";

export type NotificationOutcome = (typeof notificationOutcomes)[number];

const notificationOutcomes = ["sent", "retried", "failed"] as const;

/**
 * What the hook counts. Labels come from the config and from lists in the code, never from a request; the one
 * exception is the tag that a service runs now, of which there is one a service.
 */
export interface Metrics {
  contentType: string;
  countWebhook(service: string, source: string, result: WebhookResult): void;
  /** A request to a secret URL that is not one, and those that were too many of them. */
  countRefused(reason: "unknown" | "rate_limited"): void;
  countNotification(notifier: string, result: NotificationOutcome): void;
  /** Something that a person did; the actor is the name of a token in the config. */
  countOperation(action: string, actor: string): void;
  countStoreError(): void;
  noteReload(isGood: boolean): void;
  render(): Promise<string>;
}

export function createMetrics(live: LiveConfig, store: Store): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  registerBuild(registry);
  observeDeployments(registry, live, store);
  registerStoreMetrics(registry, live, store);
  const counters = createCounters(registry, live);
  const reload = new Gauge({
    name: "statigo_hook_config_last_reload_successful",
    help: "1 when the config in use is the one in the file, 0 when the file was refused and the one before is kept.",
    registers,
  });
  const reloadedAt = new Gauge({
    name: "statigo_hook_config_last_reload_timestamp_seconds",
    help: "When the config in use was read.",
    registers,
  });
  const noteReload = (isGood: boolean) => {
    reload.set(isGood ? 1 : 0);
    if (isGood) reloadedAt.setToCurrentTime();
  };
  noteReload(true);
  return {
    contentType: registry.contentType,
    countWebhook: (service, source, result) => counters.webhooks.inc({ service, source, result }),
    countRefused: (reason) => counters.refused.inc({ reason }),
    countNotification: (notifier, result) => counters.notifications.inc({ notifier, result }),
    countOperation: (action, actor) => counters.operations.inc({ action, actor }),
    countStoreError: () => counters.storeErrors.inc(),
    noteReload,
    render: () => registry.metrics(),
  };
}

function createCounters(registry: Registry, live: LiveConfig) {
  const registers = [registry];
  const refused = new Counter({
    name: "statigo_hook_refused_total",
    help: "Requests with an unknown service or a wrong secret, and those refused because there were too many.",
    labelNames: ["reason"],
    registers,
  });
  // A counter that begins with 1 has not increased, as far as Prometheus can see.
  for (const reason of ["unknown", "rate_limited"]) refused.inc({ reason }, 0);
  return {
    refused,
    webhooks: new Counter({
      name: "statigo_hook_webhooks_total",
      help: "Webhooks with a right secret, by service, source and what was done with them.",
      labelNames: ["service", "source", "result"],
      registers,
    }),
    notifications: new Counter({
      name: "statigo_hook_notifications_total",
      help: "Tries to send a notification, by notifier and result: failed ones were given up.",
      labelNames: ["notifier", "result"],
      registers,
      collect() {
        for (const notifier of live.current.notifiers.keys())
          for (const result of notificationOutcomes) this.inc({ notifier, result }, 0);
      },
    }),
    operations: new Counter({
      name: "statigo_hook_operations_total",
      help: "What people have done through the API, by action and token.",
      labelNames: ["action", "actor"],
      registers,
    }),
    storeErrors: new Counter({
      name: "statigo_hook_store_errors_total",
      help: "Writes that the store has refused, because the disk is full, for example.",
      registers,
    }),
  };
}

function registerBuild(registry: Registry): void {
  const build = new Gauge({
    name: "statigo_hook_build_info",
    help: "The version that runs, and the Node.js that it runs on.",
    labelNames: ["version", "node"],
    registers: [registry],
  });
  build.set({ version: packageJson.version, node: process.version }, 1);
}
