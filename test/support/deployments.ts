/** Deployments for tests, with everything that a test does not care about. */
import type { AcceptPolicy } from "../../hook/store/acceptance.ts";
import type { NewDeployment } from "../../hook/store/changes.ts";
import type { Deployment } from "../../hook/store/deployment.ts";

/** What a webhook for `stut/<service>` brings. */
export function newDeployment(
  service: string,
  tag: string,
  more: Partial<NewDeployment> = {},
): NewDeployment {
  return {
    service,
    image: `stut/${service}`,
    tag,
    digest: null,
    source: "test",
    target: "none",
    cause: "webhook",
    actor: "webhook",
    pusher: null,
    deliveryId: null,
    pushedAtMs: null,
    restores: null,
    ...more,
  };
}

/** Takes whatever comes, in the order in which it comes. */
export const takeAll: AcceptPolicy = { dedupeMs: 0, needsApproval: false, isOlder: () => false };

/** As a target gets it. */
export function startedDeployment(more: Partial<Deployment> = {}): Deployment {
  return {
    ...newDeployment("blog", "v1"),
    id: 1,
    state: "deploying",
    reason: null,
    waitingFor: null,
    notBeforeMs: null,
    approvedBy: null,
    attempt: 1,
    interruptedIn: null,
    retries: 0,
    note: null,
    leftEngine: null,
    acceptedAtMs: 1_700_000_000_000,
    firstStartedAtMs: 1_700_000_000_000,
    startedAtMs: 1_700_000_000_000,
    verifyingAtMs: null,
    finishedAtMs: null,
    replaces: null,
    rolledBackTo: null,
    ...more,
  };
}
