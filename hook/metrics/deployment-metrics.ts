import { Counter, Histogram, type Registry } from "@prometheus-io/client";
import type { LiveConfig } from "../live-config.ts";
import { type Deployment, endStates, isEnded, type State, type Transition } from "../store/deployment.ts";
import type { Store } from "../store/store.ts";

/** The states that take time. */
const phases = ["waiting", "deploying", "verifying", "rolling-back"] as const satisfies readonly State[];

/** Ended by being tried, not by being overtaken or called off. */
const triedStates: readonly State[] = ["succeeded", "failed", "rolled-back"];

/** Counts what becomes of deployments, from what this process writes into the store. */
export function observeDeployments(
  registry: Registry,
  live: LiveConfig,
  store: Pick<Store, "find" | "listTransitions" | "onTransition">,
): void {
  const registers = [registry];
  const outcomes = new Counter({
    name: "statigo_hook_deployments_total",
    help: "Deployments that have ended, by service, target and outcome.",
    labelNames: ["service", "target", "outcome"],
    registers,
    collect() {
      for (const { name: service, target } of live.current.services.values())
        for (const outcome of endStates) this.inc({ service, target: target.name, outcome }, 0);
    },
  });
  const retries = new Counter({
    name: "statigo_hook_deployment_retries_total",
    help: "Deployments that were put back to be tried again, by service and target.",
    labelNames: ["service", "target"],
    registers,
    collect() {
      for (const { name: service, target } of live.current.services.values())
        this.inc({ service, target: target.name }, 0);
    },
  });
  const durations = new Histogram({
    name: "statigo_hook_deployment_duration_seconds",
    help: "Time from the first start of a deployment to its outcome, pauses between tries included.",
    labelNames: ["service", "target"],
    buckets: [0.05, 0.25, 1, 5, 15, 60, 300, 900, 3600],
    registers,
  });
  const phaseDurations = new Histogram({
    name: "statigo_hook_deployment_phase_duration_seconds",
    help: "Time that ended deployments have spent waiting, deploying, verifying and rolling back.",
    labelNames: ["service", "phase"],
    buckets: [0.25, 1, 5, 15, 60, 300, 900, 3600, 86_400],
    registers,
  });

  store.onTransition(({ deployment: id }) => {
    const deployment = store.find(id);
    if (deployment === undefined) return;
    const { service, target, state, waitingFor } = deployment;
    if (state === "waiting" && waitingFor === "retry") retries.inc({ service, target });
    if (!isEnded(deployment)) return;
    outcomes.inc({ service, target, outcome: state });
    if (!triedStates.includes(state)) return;
    durations.observe({ service, target }, secondsOf(deployment));
    for (const [phase, seconds] of phaseSeconds(store.listTransitions(id)))
      phaseDurations.observe({ service, phase }, seconds);
  });
}

/** A clock that was set back in between must not make a sum smaller. */
function secondsOf({ firstStartedAtMs, startedAtMs, finishedAtMs }: Deployment): number {
  const started = firstStartedAtMs ?? startedAtMs ?? finishedAtMs ?? 0;
  return Math.max(0, (finishedAtMs ?? started) - started) / 1000;
}

/** How long each phase lasted that there was, every time it was entered taken together. */
export function phaseSeconds(transitions: readonly Transition[]): Map<State, number> {
  const totals = new Map<State, number>();
  for (const [index, { state, atMs }] of transitions.entries()) {
    const next = transitions[index + 1];
    if (next === undefined || !(phases as readonly State[]).includes(state)) continue;
    const seconds = Math.max(0, next.atMs - atMs) / 1000;
    totals.set(state, (totals.get(state) ?? 0) + seconds);
  }
  return totals;
}
