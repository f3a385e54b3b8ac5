/** What is read of `AllocListStub`. */
export interface Allocation {
  ID: string;
  Name: string;
  JobVersion: number;
  DesiredStatus: "run" | "stop" | "evict";
  ClientStatus: "pending" | "running" | "complete" | "failed" | "lost" | "unknown";
  ClientDescription: string;
  TaskStates: Record<string, TaskState> | null;
  DeploymentStatus: { Healthy: boolean | null } | null;
  /** Set when it was tried again elsewhere. */
  NextAllocation: string;
  ModifyIndex: number;
}

interface TaskState {
  Failed: boolean;
  Restarts: number;
  Events: TaskEvent[] | null;
}

interface TaskEvent {
  Type: string;
  DisplayMessage: string;
}

/** What is read of `AllocMetric`: why there is no node for a group. */
export interface Placement {
  NodesEvaluated: number;
  NodesExhausted: number;
  ConstraintFiltered: Record<string, number> | null;
  DimensionExhausted: Record<string, number> | null;
  QuotaExhausted: string[] | null;
}

export type FailedPlacements = Record<string, Placement> | null;

/** Why groups find no node, in words; empty when all of them do. */
export function describePlacements(failed: FailedPlacements): string {
  return Object.entries(failed ?? {})
    .map(([group, metric]) => `${group}: ${describePlacement(metric)}`)
    .join("; ");
}

function describePlacement(metric: Placement): string {
  const { NodesEvaluated, NodesExhausted, ConstraintFiltered, DimensionExhausted, QuotaExhausted } = metric;
  if (NodesEvaluated === 0) return "no node is eligible";
  const parts = [
    ...Object.entries(ConstraintFiltered ?? {}).map(([what, count]) => `${what} excludes ${nodes(count)}`),
    ...Object.entries(DimensionExhausted ?? {}).map(([what, count]) => `${what} on ${nodes(count)}`),
    ...(QuotaExhausted ?? []).map((what) => `quota: ${what}`),
  ];
  if (parts.length > 0) return parts.join(", ");
  return NodesExhausted > 0
    ? `${nodes(NodesExhausted)} full`
    : `none of ${nodes(NodesEvaluated)} is suitable`;
}

function nodes(count: number): string {
  return `${count} ${count === 1 ? "node" : "nodes"}`;
}

/** Room may be made; what a constraint excludes stays so. */
export function mayFindRoom(failed: FailedPlacements): boolean {
  return Object.values(failed ?? {}).every(({ NodesExhausted }) => NodesExhausted > 0);
}

/** Events that say what went wrong; the ones beside them only that something did. */
const telling = new Set([
  "Driver Failure",
  "Setup Failure",
  "Failed Validation",
  "Failed Artifact Download",
  "Template",
  "Terminated",
  "Alloc Unhealthy",
  "Not Restarting",
]);

/** Why allocations are not healthy, one text each, without what several say. */
export function describeTroubles(allocations: readonly Allocation[]): string[] {
  const troubled = allocations.filter(isTroubled);
  return [...new Set(troubled.map((one) => `${one.Name}: ${describeTrouble(one)}`))];
}

export function isTroubled({ ClientStatus, DeploymentStatus, TaskStates }: Allocation): boolean {
  if (ClientStatus === "failed" || ClientStatus === "lost" || DeploymentStatus?.Healthy === false)
    return true;
  return Object.values(TaskStates ?? {}).some(({ Failed }) => Failed);
}

function describeTrouble({ TaskStates, ClientStatus, ClientDescription }: Allocation): string {
  const messages = Object.entries(TaskStates ?? {}).flatMap(([task, { Events }]) =>
    (Events ?? [])
      .filter(({ Type, DisplayMessage }) => telling.has(Type) && DisplayMessage !== "")
      .slice(-2)
      .map(({ DisplayMessage }) => `${task}: ${DisplayMessage.trim()}`),
  );
  if (messages.length > 0) return [...new Set(messages)].join("; ").slice(0, 500);
  return ClientDescription || ClientStatus;
}
