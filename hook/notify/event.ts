import type { Deployment } from "../store/deployment.ts";

/** What a notifier can be told of. */
export const eventNames = [
  "succeeded",
  "failed",
  "rolled-back",
  "recovered",
  "waiting-for-approval",
] as const;

/** `recovered` is a success after a failure or a rollback. */
export type EventName = (typeof eventNames)[number];

/** Success is what everybody expects: told only to whoever asks for it. */
export const defaultEvents: readonly EventName[] = [
  "failed",
  "rolled-back",
  "recovered",
  "waiting-for-approval",
];

/** What of a deployment goes into notifications; nothing in it is secret. */
export type NotifiedDeployment = Pick<
  Deployment,
  | "id"
  | "service"
  | "image"
  | "tag"
  | "digest"
  | "source"
  | "target"
  | "cause"
  | "actor"
  | "pusher"
  | "state"
  | "reason"
  | "attempt"
  | "acceptedAtMs"
  | "startedAtMs"
  | "finishedAtMs"
  | "rolledBackTo"
>;

/** Something that happened, as it was at that moment: what has become of the deployment since is not in it. */
export interface DeploymentEvent {
  event: EventName;
  atMs: number;
  deployment: NotifiedDeployment;
  /** What ran before, where that is known. */
  previousTag: string | null;
}

export function describeEvent(
  event: EventName,
  atMs: number,
  deployment: Deployment,
  previousTag: string | null,
): DeploymentEvent {
  const { id, service, image, tag, digest, source, target, cause, actor, pusher, state, reason } = deployment;
  const { attempt, acceptedAtMs, finishedAtMs, rolledBackTo } = deployment;
  // How long it took is the time of all its tries.
  const startedAtMs = deployment.firstStartedAtMs ?? deployment.startedAtMs;
  const release = { id, service, image, tag, digest, source, target, cause, actor, pusher };
  const outcome = { state, reason, attempt, acceptedAtMs, startedAtMs, finishedAtMs, rolledBackTo };
  return { event, atMs, deployment: { ...release, ...outcome }, previousTag };
}

/** Whether an event is one to be worried by. */
export function isBad({ event }: DeploymentEvent): boolean {
  return event === "failed" || event === "rolled-back";
}
