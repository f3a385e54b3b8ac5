import type { Style } from "../terminal.ts";
import { formatDuration, formatTime } from "../time.ts";
import type { Deployment, HeldService } from "./objects.ts";

const styles: Readonly<Record<string, Style>> = {
  succeeded: "green",
  failed: "red",
  "rolled-back": "red",
  "rolling-back": "red",
  superseded: "dim",
  cancelled: "dim",
};

export function styleOf(state: string): Style {
  return styles[state] ?? "yellow";
}

const waits: Readonly<Record<string, string>> = {
  turn: "its turn",
  approval: "approval",
  pause: "the service to be resumed",
  freeze: "the freeze to end",
  window: "its time window",
  retry: "the next try",
};

/** `waiting for approval`, `rolled back to v1`, `deploying`. */
export function describeState({ state, waitingFor, rolledBackTo }: Deployment): string {
  if (state === "waiting" && waitingFor !== null) return `waiting for ${waits[waitingFor] ?? waitingFor}`;
  if (state === "rolled-back" && rolledBackTo !== null) return `rolled back to ${rolledBackTo}`;
  return state.replace("-", " ");
}

/** `active`, `paused by anna (the fair)`, `frozen until 24 Dec 18:00 by anna`. */
export function describeHold(hold: HeldService): string {
  const { state, pausedBy, pausedReason, frozenUntil, frozenBy, frozenReason } = hold;
  const because = (who: string | null, why: string | null) =>
    `${who === null ? "" : ` by ${who}`}${why === null ? "" : ` (${why})`}`;
  if (state === "paused") return `paused${because(pausedBy, pausedReason)}`;
  if (frozenUntil === null) return state;
  return `frozen until ${formatTime(frozenUntil)}${because(frozenBy, frozenReason)}`;
}

/** From the beginning of its first try, whatever came between. */
export function tookMs({ firstStartedAt, startedAt, finishedAt }: Deployment): number | undefined {
  const begunAt = firstStartedAt ?? startedAt;
  return begunAt === null || finishedAt === null ? undefined : Date.parse(finishedAt) - Date.parse(begunAt);
}

/** `blog v42 succeeded after 12 s (deployment 7): the key is set` */
export function describeOutcome(deployment: Deployment): string {
  const { id, service, tag, reason } = deployment;
  const durationMs = tookMs(deployment);
  const took = durationMs === undefined ? "" : ` after ${formatDuration(durationMs)}`;
  const because = reason === null ? "" : `: ${reason}`;
  return `${service} ${tag} ${describeState(deployment)}${took} (deployment ${id})${because}`;
}
