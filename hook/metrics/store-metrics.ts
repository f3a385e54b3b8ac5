import { Gauge, type Registry } from "@prometheus-io/client";
import type { LiveConfig } from "../live-config.ts";
import type { WaitingFor } from "../store/deployment.ts";
import type { Store } from "../store/store.ts";

const openStates = ["waiting", "deploying", "verifying", "rolling-back"];
const waitReasons: readonly WaitingFor[] = ["turn", "approval", "pause", "freeze", "window", "retry"];

/** What the store knows is asked for when somebody looks, so that a restart does not make it forgotten. */
export function registerStoreMetrics(registry: Registry, live: LiveConfig, store: Store): void {
  registerQueue(registry, live, store);
  registerServices(registry, live, store);
  registerNotifications(registry, live, store);
}

function registerQueue(registry: Registry, live: LiveConfig, store: Store): void {
  const registers = [registry];
  new Gauge({
    name: "statigo_hook_deployments_open",
    help: "Deployments that have not ended, by service and state.",
    labelNames: ["service", "state"],
    registers,
    collect() {
      this.reset();
      for (const service of live.current.services.keys())
        for (const state of openStates) this.set({ service, state }, 0);
      for (const { service, state, count } of store.countByState()) this.set({ service, state }, count);
    },
  });
  new Gauge({
    name: "statigo_hook_deployments_waiting",
    help: "Deployments that wait, by service and what for.",
    labelNames: ["service", "reason"],
    registers,
    collect() {
      this.reset();
      for (const service of live.current.services.keys())
        for (const reason of waitReasons) this.set({ service, reason }, 0);
      for (const { service, waitingFor: reason, count } of store.countWaiting())
        this.set({ service, reason }, count);
    },
  });
  new Gauge({
    name: "statigo_hook_oldest_waiting_timestamp_seconds",
    help: "When the oldest deployment that waits was accepted, by service and what it waits for; none, when none waits.",
    labelNames: ["service", "reason"],
    registers,
    collect() {
      this.reset();
      for (const { service, waitingFor: reason, oldestMs } of store.countWaiting())
        this.set({ service, reason }, oldestMs / 1000);
    },
  });
}

function registerServices(registry: Registry, live: LiveConfig, store: Store): void {
  const registers = [registry];
  const perService = (name: string, help: string, measure: (service: string) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ["service"],
      registers,
      collect() {
        this.reset();
        for (const service of live.current.services.keys()) this.set({ service }, measure(service));
      },
    });
  perService(
    "statigo_hook_last_success_timestamp_seconds",
    "When a service was last deployed with success; 0 when it never was.",
    (service) => (store.lastSucceeded(service)?.finishedAtMs ?? 0) / 1000,
  );
  perService(
    "statigo_hook_last_failure_timestamp_seconds",
    "When deploying a service last failed or was rolled back; 0 when it never did.",
    (service) => (store.lastFailureMs(service) ?? 0) / 1000,
  );
  new Gauge({
    name: "statigo_hook_release_info",
    help: "The tag that a service was last deployed with successfully.",
    labelNames: ["service", "tag"],
    registers,
    collect() {
      this.reset();
      for (const service of live.current.services.keys()) {
        const release = store.lastSucceeded(service);
        if (release !== undefined) this.set({ service, tag: release.tag }, 1);
      }
    },
  });
  new Gauge({
    name: "statigo_hook_service_held",
    help: "1 while a service is paused or frozen by somebody.",
    labelNames: ["service", "kind"],
    registers,
    collect() {
      this.reset();
      for (const service of live.current.services.keys()) {
        const { pausedAtMs, frozenUntilMs } = store.serviceState(service);
        this.set({ service, kind: "paused" }, pausedAtMs === null ? 0 : 1);
        this.set({ service, kind: "frozen" }, (frozenUntilMs ?? 0) > Date.now() ? 1 : 0);
      }
    },
  });
}

function registerNotifications(registry: Registry, live: LiveConfig, store: Store): void {
  const registers = [registry];
  new Gauge({
    name: "statigo_hook_notifications_pending",
    help: "Notifications that are not sent yet, by notifier.",
    labelNames: ["notifier"],
    registers,
    collect() {
      this.reset();
      for (const notifier of live.current.notifiers.keys()) this.set({ notifier }, 0);
      for (const { notifier, count } of store.countPendingNotifications()) this.set({ notifier }, count);
    },
  });
  new Gauge({
    name: "statigo_hook_oldest_notification_timestamp_seconds",
    help: "When the oldest notification that is not sent yet came about, by notifier; none, when all are sent.",
    labelNames: ["notifier"],
    registers,
    collect() {
      this.reset();
      for (const { notifier, oldestMs } of store.countPendingNotifications())
        this.set({ notifier }, oldestMs / 1000);
    },
  });
}
