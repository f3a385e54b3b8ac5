import type { Deployment, Service, State } from "./answers.ts";
import type { Site } from "./data.ts";
import { formatCount } from "./format.ts";

export const stateWords: Readonly<Record<State, string>> = {
  accepted: "accepted",
  waiting: "waiting",
  deploying: "deploying",
  verifying: "verifying",
  "rolling-back": "rolling back",
  succeeded: "went live",
  failed: "failed",
  "rolled-back": "rolled back",
  superseded: "superseded",
  cancelled: "cancelled",
};

export const waitWords: Readonly<Record<NonNullable<Deployment["waitingFor"]>, string>> = {
  turn: "waits for its turn",
  approval: "waits for approval",
  pause: "waits for the end of the pause",
  freeze: "waits for the end of the freeze",
  window: "waits for its time window",
  retry: "is tried again soon",
};

/** How a service does, in one word for all who cannot look closer. */
export type Condition = "healthy" | "unhealthy" | "failed" | "deploying" | "unknown" | "pending" | "nothing";

export const conditionWords: Readonly<Record<Condition, string>> = {
  healthy: "healthy",
  unhealthy: "unhealthy",
  failed: "last deployment failed",
  deploying: "deploying",
  unknown: "health unknown",
  pending: "checking",
  nothing: "nothing deployed yet",
};

/** All tries and the pauses between them. */
export function tookMs({ firstStartedAt, finishedAt }: Deployment): number | undefined {
  if (firstStartedAt === null || finishedAt === null) return undefined;
  return Math.max(0, Date.parse(finishedAt) - Date.parse(firstStartedAt));
}

export function isUnderWay(state: State): boolean {
  return state === "deploying" || state === "verifying" || state === "rolling-back";
}

export function isOver(state: State): boolean {
  return !isUnderWay(state) && state !== "waiting" && state !== "accepted";
}

export function conditionOf({ service, running }: Site): Condition {
  if (service.last !== null && isUnderWay(service.last.state)) return "deploying";
  if (running?.health === "unhealthy") return "unhealthy";
  if (hasFailed(service)) return "failed";
  if (service.release === null) return "nothing";
  return running?.health ?? "pending";
}

/** Of those that were tried, the last one did not get live. */
function hasFailed({ last }: Service): boolean {
  return last !== null && (last.state === "failed" || last.state === "rolled-back");
}

/** Somebody has to do something about it. */
export function needsSomebody(site: Site): boolean {
  const condition = conditionOf(site);
  return condition === "unhealthy" || condition === "failed" || site.service.next?.waitingFor === "approval";
}

/** Why somebody is needed. */
export function describeNeed(site: Site): string {
  const condition = conditionOf(site);
  if (condition === "unhealthy") return "is unhealthy";
  if (condition !== "failed") return `: ${site.service.next?.tag} ${waitWords.approval}`;
  const { tag, state } = site.service.last ?? {};
  return state === "rolled-back" ? `: ${tag} was rolled back` : `: ${tag} failed`;
}

/** What keeps a service from being deployed, in a few words; nothing when nothing does. */
export function describeHold({ state, next }: Service): string {
  if (next?.waitingFor === "approval") return `${waitWords.approval}: ${next.tag}`;
  return state === "active" ? "" : state;
}

/** The first thing that is read. */
export function describeAll(all: readonly Site[]): string {
  if (all.length === 0) return "No service is yours to see.";
  const troubled = all.filter(needsSomebody);
  const deploying = all.filter((site) => conditionOf(site) === "deploying").length;
  if (troubled.length > 0) {
    const [first] = troubled;
    return troubled.length === 1
      ? `${first?.service.name} needs you.`
      : `${formatCount(troubled.length, "service")} need you.`;
  }
  if (deploying > 0) return `${formatCount(deploying, "deployment")} under way.`;
  const isPending = all.some((site) => conditionOf(site) === "pending");
  return isPending ? "Having a look…" : "All is well.";
}

/** Why a deployment is there, and by whom. */
export function describeCause({ cause, actor, source, pusher }: Deployment): string {
  const words = { deploy: "deployed", redeploy: "deployed again", rollback: "rolled back" } as const;
  if (cause !== "webhook") return `${words[cause]} by ${actor}`;
  return `${source} webhook${pusher === null ? "" : `, pushed by ${pusher}`}`;
}
