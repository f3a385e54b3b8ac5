import type { Changes, NewDeployment } from "./changes.ts";
import type { Deployment } from "./deployment.ts";
import { columns, type Statements } from "./statements.ts";

/** What a service says about webhooks that ask for a release. */
export interface AcceptPolicy {
  /** How far apart two events of one push may be. 0 takes every event for a push of its own. */
  dedupeMs: number;
  needsApproval: boolean;
  /** Whether the first release is older than the second one, by the service's order. */
  isOlder(release: Ordered, other: Ordered): boolean;
}

/** What an order can go by. */
export type Ordered = Pick<Deployment, "tag" | "pushedAtMs">;

export interface Accepted {
  deployment: Deployment;
  /** The deployment was there already: this webhook said the same again. */
  isDuplicate: boolean;
}

/** Stores what a webhook asks for, inside a transaction: its triggers are seen in their order, all or none. */
export function acceptAll(
  statements: Statements,
  changes: Changes,
  policy: AcceptPolicy,
  triggers: readonly NewDeployment[],
): Accepted[] {
  return triggers.map((trigger) => acceptOne(statements, changes, policy, trigger));
}

function acceptOne(
  statements: Statements,
  changes: Changes,
  policy: AcceptPolicy,
  trigger: NewDeployment,
): Accepted {
  const twin = findTwin(statements, policy, trigger);
  if (twin !== undefined) return { deployment: twin, isDuplicate: true };
  const { actor } = trigger;
  const newer = findInPlay(statements, trigger.service).find((other) => policy.isOlder(trigger, other));
  if (newer !== undefined) {
    const reason = `older than ${newer.tag} of deployment ${newer.id}, by the service's order`;
    const deployment = changes.insert(trigger, { state: "superseded", reason, actor });
    return { deployment, isDuplicate: false };
  }
  const waitingFor = policy.needsApproval ? "approval" : "turn";
  const deployment = changes.insert(trigger, { state: "waiting", reason: null, actor, waitingFor });
  changes.supersedeOlder(deployment);
  return { deployment, isDuplicate: false };
}

/** Two events without a digest and a time are taken for one push only when they are this near. */
const unidentifiedMs = 30_000;

function findTwin(
  { one, many }: Statements,
  { dedupeMs }: AcceptPolicy,
  trigger: NewDeployment,
): Deployment | undefined {
  const { service, tag, image, deliveryId } = trigger;
  const delivered =
    deliveryId === null
      ? undefined
      : one<Deployment>(
          `SELECT ${columns} FROM deployment WHERE service = :service AND delivery_id = :deliveryId AND tag = :tag`,
          { service, deliveryId, tag },
        );
  if (delivered !== undefined || dedupeMs === 0) return delivered;
  const nowMs = Date.now();
  return many<Deployment>(
    `SELECT ${columns} FROM deployment WHERE service = :service AND tag = :tag AND cause = 'webhook'
       AND image = :image AND state <> 'failed' ORDER BY id DESC LIMIT 5`,
    { service, tag, image },
  ).find((other) => {
    // A clock that was set back makes the past the future.
    const apartMs = Math.abs(nowMs - other.acceptedAtMs);
    const identity = compareIdentity(trigger, other);
    if (identity === "unknown") return apartMs <= Math.min(unidentifiedMs, dedupeMs);
    return identity === "same" && apartMs <= dedupeMs;
  });
}

type Pushed = Pick<Deployment, "digest" | "pushedAtMs">;

/** Whether two events with one tag are about one push. A tag may be pushed again with other content. */
export function compareIdentity(a: Pushed, b: Pushed): "same" | "different" | "unknown" {
  if (a.digest !== null && b.digest !== null) return a.digest === b.digest ? "same" : "different";
  if (a.pushedAtMs !== null && b.pushedAtMs !== null)
    return a.pushedAtMs === b.pushedAtMs ? "same" : "different";
  return "unknown";
}

/** What runs or is about to: everything under way, and what succeeded last. */
function findInPlay({ many, one }: Statements, service: string): Deployment[] {
  const open = many<Deployment>(selectOpen, { service });
  const last = one<Deployment>(selectLastSucceeded, { service });
  return last === undefined ? open : [...open, last];
}

/** Without an order: SQLite would go through all that the service ever had to save itself sorting a handful. */
export const selectOpen = `SELECT ${columns} FROM deployment
  WHERE service = :service AND state IN ('waiting', 'deploying', 'verifying')`;

/** What has been started and has not ended, also while it waits for another try or for another process. */
export const selectBegun = `SELECT ${columns} FROM deployment
  WHERE service = :service AND state IN ('waiting', 'deploying', 'verifying', 'rolling-back')
    AND first_started_at IS NOT NULL`;

export const selectLastSucceeded = `SELECT ${columns} FROM deployment
  WHERE service = :service AND state = 'succeeded' ORDER BY ended_order DESC LIMIT 1`;
