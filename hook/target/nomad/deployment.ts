/** What is read of `structs.Deployment`. */
export interface NomadDeployment {
  ID: string;
  JobVersion: number;
  JobSpecModifyIndex: number;
  Status:
    | "initializing"
    | "pending"
    | "running"
    | "paused"
    | "blocked"
    | "unblocking"
    | "successful"
    | "failed"
    | "cancelled";
  StatusDescription: string;
  TaskGroups: Record<string, GroupState> | null;
  CreateIndex: number;
}

export interface GroupState {
  AutoRevert: boolean;
  AutoPromote: boolean;
  Promoted: boolean;
  PlacedCanaries: string[] | null;
  DesiredCanaries: number;
  DesiredTotal: number;
  PlacedAllocs: number;
  HealthyAllocs: number;
  UnhealthyAllocs: number;
}

export function isEnded({ Status }: NomadDeployment): boolean {
  return Status === "successful" || Status === "failed" || Status === "cancelled";
}

/** Nomad itself calls it so in the failed deployment's description. */
export function revertsTo({ Status, StatusDescription }: NomadDeployment): number | undefined {
  const version = /(?<!not )rolling back to job version (\d+)/.exec(StatusDescription)?.[1];
  return Status === "failed" && version !== undefined ? Number(version) : undefined;
}

/** Canaries that run, are healthy, and wait for somebody to say that they are good. */
export function isPromotable({ Status, TaskGroups }: NomadDeployment): boolean {
  const waiting = Object.values(TaskGroups ?? {}).filter(needsPromotion);
  if (Status !== "running" || waiting.length === 0) return false;
  return waiting.every(
    ({ PlacedCanaries, DesiredCanaries, HealthyAllocs }) =>
      (PlacedCanaries ?? []).length >= DesiredCanaries && HealthyAllocs >= DesiredCanaries,
  );
}

function needsPromotion({ DesiredCanaries, Promoted, AutoPromote }: GroupState): boolean {
  return DesiredCanaries > 0 && !Promoted && !AutoPromote;
}

/** One line of progress: `web: 1 of 2 healthy, 2 placed`. */
export function describeProgress({ Status, TaskGroups }: NomadDeployment): string {
  const groups = Object.entries(TaskGroups ?? {}).map(([name, group]) => {
    const { Promoted, DesiredCanaries, DesiredTotal, HealthyAllocs, PlacedAllocs, UnhealthyAllocs } = group;
    const isCanary = DesiredCanaries > 0 && !Promoted;
    const total = isCanary ? `${DesiredCanaries} canaries` : DesiredTotal;
    const unhealthy = UnhealthyAllocs > 0 ? `, ${UnhealthyAllocs} unhealthy` : "";
    return `${name}: ${HealthyAllocs} of ${total} healthy, ${PlacedAllocs} placed${unhealthy}`;
  });
  return `${Status}: ${groups.join("; ")}`;
}

export function describeHealthy({ TaskGroups }: NomadDeployment): string {
  return Object.entries(TaskGroups ?? {})
    .map(([name, { HealthyAllocs, DesiredTotal }]) => `${name} ${HealthyAllocs} of ${DesiredTotal} healthy`)
    .join(", ");
}

/** As Nomad's own commands show ids. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}
