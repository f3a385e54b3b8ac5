import type { Group, Job, Place, Task } from "./job.ts";

const nanosecondsPerSecond = 1e9;

/**
 * Why a deployment of this job would not be without downtime: Nomad stops an allocation before it starts the one that
 * replaces it, except for canaries.
 */
export function findDowntime(job: Job, places: readonly Place[]): string[] {
  const names = new Set(places.map(({ group }) => group));
  return job.TaskGroups.filter(({ Name }) => names.has(Name)).flatMap((group) =>
    reasonsFor(job.Type, group).map((reason) => `group ${group.Name} ${reason}`),
  );
}

function reasonsFor(type: string, group: Group): string[] {
  if (type !== "service")
    return [`is of a ${type} job: each node stops its allocation before it starts the new one`];
  const { Update: update, Count: count } = group;
  if (update === null || update.MaxParallel === 0)
    return [
      "has no rolling `update` (max_parallel 0): all its allocations are replaced at once, and nothing is reverted",
    ];
  return [
    ...order(count, update.Canary, update.MaxParallel),
    ...(update.Canary > 0 && hasStaticPort(group)
      ? ["has a static port: a canary starts only on a node where that is free"]
      : []),
    ...health(group, update.HealthCheck),
    ...(update.AutoRevert
      ? []
      : ["has `auto_revert = false`: Nomad does not go back by itself, the hook has to"]),
    ...(hasShutdownDelay(group)
      ? []
      : ["has no `shutdown_delay`: requests still come to an allocation that is being stopped"]),
  ];
}

function order(count: number, canary: number, maxParallel: number): string[] {
  if (canary >= count) return [];
  if (count === 1)
    return ["has `count = 1` and no canary: it is stopped before the new one starts; set `canary = 1`"];
  if (maxParallel < count) return [];
  return [
    `replaces all its ${count} allocations at once (max_parallel ${maxParallel}); set it lower, or canary = ${count}`,
  ];
}

function health({ Services, Tasks }: Group, healthCheck: string): string[] {
  if (healthCheck === "manual")
    return ['has `health_check = "manual"`: somebody has to say that each allocation is healthy'];
  const services = [...(Services ?? []), ...Tasks.flatMap((task) => task.Services ?? [])];
  const hasChecks = services.some(({ Checks }) => (Checks ?? []).length > 0);
  if (hasChecks && healthCheck !== "task_states") return [];
  const why = hasChecks ? '`health_check = "task_states"`' : "no service with a check";
  return [`has ${why}: an allocation counts as healthy as soon as its tasks run`];
}

function hasStaticPort({ Networks }: Group): boolean {
  return (Networks ?? []).some(({ ReservedPorts }) => (ReservedPorts ?? []).length > 0);
}

function hasShutdownDelay({ ShutdownDelay, Tasks }: Group): boolean {
  return (ShutdownDelay ?? 0) > 0 || Tasks.some((task: Task) => task.ShutdownDelay > 0);
}

/** How long an allocation has to stay as it is until it counts as healthy, where Nomad does not judge that itself. */
export function steadyMsOf(job: Job): number {
  const longest = Math.max(...job.TaskGroups.map(({ Update }) => Update?.MinHealthyTime ?? 0));
  return longest > 0 ? (longest / nanosecondsPerSecond) * 1000 : 10_000;
}
