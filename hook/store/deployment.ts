/** Where a deployment is on its way; docs/hook/deployments.md draws it. */
export const states = [
  "accepted",
  "waiting",
  "deploying",
  "verifying",
  "rolling-back",
  "succeeded",
  "failed",
  "rolled-back",
  "superseded",
  "cancelled",
] as const;

export type State = (typeof states)[number];

/** A process is at work on a deployment in one of these. */
export const activeStates = ["deploying", "verifying", "rolling-back"] as const satisfies readonly State[];

export type ActiveState = (typeof activeStates)[number];

/** Nothing comes after one of these. */
export const endStates = [
  "succeeded",
  "failed",
  "rolled-back",
  "superseded",
  "cancelled",
] as const satisfies readonly State[];

export type EndState = (typeof endStates)[number];

export function isEnded({ state }: { state: State }): boolean {
  return (endStates as readonly State[]).includes(state);
}

export function isActive({ state }: { state: State }): boolean {
  return (activeStates as readonly State[]).includes(state);
}

export type WaitingFor = "turn" | "approval" | "pause" | "freeze" | "window" | "retry";

/** Why a deployment exists. */
export type Cause = "webhook" | "deploy" | "redeploy" | "rollback";

/** One release of one service on its way, and what became of it. */
export interface Deployment {
  id: number;
  service: string;
  /** The configured image repository; the webhook's spelling of it is not kept. */
  image: string;
  tag: string;
  digest: string | null;
  /** The source's name, or "api". */
  source: string;
  target: string;
  cause: Cause;
  /** Who asked for it: a token's name, or "webhook". */
  actor: string;
  /** Who pushed, as the sender says; for display only. */
  pusher: string | null;
  deliveryId: string | null;
  state: State;
  /** What the target said at the end, or why it is where it is. */
  reason: string | null;
  waitingFor: WaitingFor | null;
  /** Not to be started before this time: the pause before another try. */
  notBeforeMs: number | null;
  approvedBy: string | null;
  /** How often a process has started on it. */
  attempt: number;
  /** How often it was put back to be tried again. */
  retries: number;
  /** What the target wanted to know again if the process were killed. */
  note: string | null;
  /** What an earlier try may have left the engine with; `null` when all of them have changed nothing. */
  leftEngine: "changed" | "unknown" | null;
  /** What an earlier process was doing with it when it died or stopped: there the next one goes on. */
  interruptedIn: ActiveState | null;
  pushedAtMs: number | null;
  acceptedAtMs: number;
  /** When it was started for the first time, and the last. */
  firstStartedAtMs: number | null;
  startedAtMs: number | null;
  verifyingAtMs: number | null;
  finishedAtMs: number | null;
  /** The last deployment of the service that had succeeded when this one started: what a rollback goes back to. */
  replaces: number | null;
  /** The deployment whose release this one brings again: of a rollback, and of a redeployment. */
  restores: number | null;
  /** The tag that runs again after this one was rolled back. */
  rolledBackTo: string | null;
}

/** One step of a deployment. Ids ascend over all services and processes. */
export interface Transition {
  id: number;
  deployment: number;
  service: string;
  atMs: number;
  state: State;
  reason: string | null;
  actor: string;
}

export interface LogLine {
  /** Ascends from 1 within the deployment. */
  sequence: number;
  atMs: number;
  line: string;
}

export type NewLogLine = Omit<LogLine, "sequence">;

/** Lines that are taken out of a log again, from one sequence on, all but the last ones. */
export interface LogCut {
  /** The sequence of the first; the notice stands there instead. */
  at: number;
  notice: NewLogLine;
  /** How many lines stay behind the notice. */
  keep: number;
}

/** What people have said about a service as a whole. */
export interface ServiceState {
  service: string;
  pausedAtMs: number | null;
  pausedBy: string | null;
  pausedReason: string | null;
  frozenUntilMs: number | null;
  frozenBy: string | null;
  frozenReason: string | null;
}

/** Of a service that nobody has said anything about. */
export function emptyState(service: string): ServiceState {
  const paused = { pausedAtMs: null, pausedBy: null, pausedReason: null };
  return { service, ...paused, frozenUntilMs: null, frozenBy: null, frozenReason: null };
}

/** Who did what. */
export interface AuditEntry {
  id: number;
  atMs: number;
  actor: string;
  action: string;
  service: string | null;
  deployment: number | null;
  detail: string | null;
}

export type NewAuditEntry = Omit<AuditEntry, "id">;

/** A message that has to reach a notifier; the payload is the sender's own affair. */
export interface NewNotification {
  notifier: string;
  event: string;
  payload: string;
}

export interface Notification extends NewNotification {
  id: number;
  deployment: number;
  service: string;
  createdAtMs: number;
  /** How often it was claimed, this time included. */
  attempt: number;
  state: "pending" | "sent" | "failed";
  /** Why it has not been sent yet. */
  problem: string | null;
}

export type NotificationResult =
  | { kind: "sent" }
  | { kind: "failed"; problem: string }
  | { kind: "retry"; problem: string; dueAtMs: number };
