import type { Config } from "../config/load.ts";
import { type Deployment, emptyState, type ServiceState, type WaitingFor } from "../store/deployment.ts";
import type { Store } from "../store/store.ts";
import { describeWindow, isWithin, type Window } from "./window.ts";

export interface WaitingSetting {
  service: ServiceState;
  window: Window | undefined;
  nowMs: number;
}

export interface WaitingReason {
  waitingFor: WaitingFor;
  reason: string | null;
}

/** What keeps a waiting deployment from being started; what a person has to do for it comes first. */
export function findReason(
  deployment: Deployment,
  { service, window, nowMs }: WaitingSetting,
): WaitingReason {
  const { waitingFor, cause, approvedBy, notBeforeMs } = deployment;
  if (waitingFor === "approval") return { waitingFor, reason: deployment.reason };
  if (service.pausedAtMs !== null)
    return { waitingFor: "pause", reason: withReason(`paused by ${service.pausedBy}`, service.pausedReason) };
  const isFrozen = service.frozenUntilMs !== null && service.frozenUntilMs > nowMs;
  if (isFrozen && cause !== "rollback")
    return {
      waitingFor: "freeze",
      reason: withReason(`frozen by ${service.frozenBy}`, service.frozenReason),
    };
  if (window !== undefined && cause === "webhook" && approvedBy === null && !isWithin(window, nowMs))
    return { waitingFor: "window", reason: `outside the service's window, ${describeWindow(window)}` };
  if (notBeforeMs !== null && notBeforeMs > nowMs) return { waitingFor: "retry", reason: deployment.reason };
  return { waitingFor: "turn", reason: waitingFor === "turn" ? deployment.reason : null };
}

function withReason(text: string, reason: string | null): string {
  return reason === null ? text : `${text}: ${reason}`;
}

/** Writes down what the waiting deployments wait for, so that who looks at them sees it. */
export async function noteReasons(store: Store, { services }: Config, nowMs: number): Promise<void> {
  const waiting = store.listWaiting();
  if (waiting.length === 0) return;
  const said = new Map(store.listServiceStates().map((state) => [state.service, state]));
  for (const deployment of waiting) {
    const window = services.get(deployment.service)?.window;
    const service = said.get(deployment.service) ?? emptyState(deployment.service);
    const { waitingFor, reason } = findReason(deployment, { service, window, nowMs });
    if (waitingFor !== deployment.waitingFor)
      await store.write((changes) => changes.setWaitingFor(deployment.id, waitingFor, reason));
  }
}
