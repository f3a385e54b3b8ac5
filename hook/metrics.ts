import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "@prometheus-io/client";
import type { Deployment, State } from "./store/deployment.ts";

export type WebhookResult = "accepted" | "ignored" | "rejected";

/** What the hook counts. Labels come from the config and from lists in the code, never from a request. */
export interface Metrics {
  contentType: string;
  countWebhook(service: string, source: string, result: WebhookResult): void;
  /** A request to a secret URL that is not one. */
  countRefused(): void;
  countDeployment(
    deployment: Deployment,
    outcome: "succeeded" | "failed" | "handed-over",
    seconds: number,
  ): void;
  render(): Promise<string>;
}

export interface OpenDeployments {
  countByState(): { service: string; state: State; count: number }[];
}

export function createMetrics(services: Iterable<string>, open: OpenDeployments): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const webhooks = new Counter({
    name: "statigo_hook_webhooks_total",
    help: "Authentic webhooks by service, source and what was done with them.",
    labelNames: ["service", "source", "result"],
    registers,
  });
  const refused = new Counter({
    name: "statigo_hook_refused_total",
    help: "Requests with an unknown service or a wrong secret.",
    registers,
  });
  const deployments = new Counter({
    name: "statigo_hook_deployments_total",
    help: "Deployments by service, target and outcome.",
    labelNames: ["service", "target", "outcome"],
    registers,
  });
  const duration = new Histogram({
    name: "statigo_hook_deployment_duration_seconds",
    help: "Time from the start of a deployment to its outcome.",
    labelNames: ["service", "target"],
    buckets: [0.05, 0.25, 1, 5, 15, 60, 300, 900],
    registers,
  });
  const lastSuccess = new Gauge({
    name: "statigo_hook_last_success_timestamp_seconds",
    help: "When a service was last deployed with success, since this process started.",
    labelNames: ["service"],
    registers,
  });
  registerQueueGauge(registry, [...services], open);

  return {
    contentType: registry.contentType,
    countWebhook: (service, source, result) => webhooks.inc({ service, source, result }),
    countRefused: () => refused.inc(),
    countDeployment({ service, target }, outcome, seconds) {
      deployments.inc({ service, target, outcome });
      duration.observe({ service, target }, seconds);
      if (outcome === "succeeded") lastSuccess.setToCurrentTime({ service });
    },
    render: () => registry.metrics(),
  };
}

function registerQueueGauge(registry: Registry, services: readonly string[], open: OpenDeployments): void {
  new Gauge({
    name: "statigo_hook_deployments_open",
    help: "Deployments that are waiting or deploying.",
    labelNames: ["service", "state"],
    registers: [registry],
    collect() {
      this.reset();
      for (const service of services) {
        for (const state of ["waiting", "deploying"]) this.set({ service, state }, 0);
      }
      for (const { service, state, count } of open.countByState()) this.set({ service, state }, count);
    },
  });
}
