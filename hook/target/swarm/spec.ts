import type {
  RolloutConfig,
  ServiceSpec,
  SwarmNode,
  SwarmService,
  TaskContainerSpec,
} from "../../engine-api/services.ts";
import type { JsonObject } from "../../json.ts";

export interface PinnedImage {
  reference: string;
  /** What it can run on, where that is known. */
  platforms?: readonly JsonObject[];
}

/** How a service's tasks are replaced. `spec`: as the service itself has it. */
export type Order = "auto" | "start-first" | "stop-first" | "spec";

export function containerOf({
  TaskTemplate,
}: Pick<ServiceSpec, "TaskTemplate">): TaskContainerSpec | undefined {
  return TaskTemplate.ContainerSpec ?? undefined;
}

export function imageOf({ Spec }: Pick<SwarmService, "Spec">): string {
  return containerOf(Spec)?.Image ?? "";
}

/** Why nothing of this kind can be rolled from one image to the next, or `undefined` when it can. */
export function findUnfitness({ Mode, TaskTemplate }: ServiceSpec): string | undefined {
  if (Mode?.ReplicatedJob || Mode?.GlobalJob) return "is a job, which runs to its end and is not rolled";
  return TaskTemplate.ContainerSpec ? undefined : "runs no containers";
}

/** Like `docker service update`, with what the image can run on: nodes are chosen by it. */
export function withImage(spec: ServiceSpec, { reference, platforms = [] }: PinnedImage): ServiceSpec {
  const { TaskTemplate: task } = spec;
  const placement = platforms.length > 0 && { Placement: { ...task.Placement, Platforms: platforms } };
  return {
    ...spec,
    TaskTemplate: { ...task, ...placement, ContainerSpec: { ...task.ContainerSpec, Image: reference } },
  };
}

/** Replaces the tasks although nothing of them has changed. */
export function withForce(spec: ServiceSpec): ServiceSpec {
  const { TaskTemplate: task } = spec;
  return { ...spec, TaskTemplate: { ...task, ForceUpdate: (task.ForceUpdate ?? 0) + 1 } };
}

export interface Rollout {
  order: "start-first" | "stop-first";
  failureAction: "rollback" | "pause";
  /** How long a task that has become healthy is watched, at least. */
  monitorMs: number;
}

const nanosecondsPerMs = 1_000_000;

/**
 * A service's rollout the way that loses nothing: Docker's own default stops a task before it starts the next, and
 * stays half-way when that fails. What else the service has of it stays.
 */
export function withRollout(spec: ServiceSpec, rollout: Rollout): ServiceSpec {
  const { Healthcheck: health } = containerOf(spec) ?? {};
  const own: RolloutConfig = spec.UpdateConfig ?? { Parallelism: 1 };
  // A task counts as running when it is healthy for the first time; within its start period no failure counts.
  const startMs = ((health?.StartPeriod ?? 0) + (health?.Interval ?? 0)) / nanosecondsPerMs;
  const watch = Math.max(rollout.monitorMs, startMs + 1000) * nanosecondsPerMs;
  const update = {
    ...own,
    Order: rollout.order,
    FailureAction: rollout.failureAction,
    Monitor: Math.max(own.Monitor ?? 0, watch),
    // Without a health check a task counts as running before it has ended: the next one waits until that would show.
    // At once, two tasks of two were replaced by ones that ended at their start.
    Delay: Math.max(own.Delay ?? 0, rollout.monitorMs * nanosecondsPerMs),
  };
  const rollback = { ...(spec.RollbackConfig ?? { Parallelism: 1 }), Order: rollout.order };
  return { ...spec, UpdateConfig: update, RollbackConfig: rollback };
}

/**
 * The same once more, which to a swarm is another update: a nanosecond is all that differs, so no task has to be
 * replaced that has come up. What such an update would go back to is the release itself, so it stays where it fails.
 */
export function withNewStart(spec: ServiceSpec): ServiceSpec {
  const { UpdateConfig: own } = spec;
  return { ...spec, UpdateConfig: { ...own, FailureAction: "pause", Monitor: (own?.Monitor ?? 0) + 1 } };
}

/** Where a swarm may put tasks, as far as no constraint of a service forbids it. */
export function countUsableNodes(nodes: readonly SwarmNode[]): number {
  return nodes.filter(
    ({ Spec, Status }) => (Spec?.Availability ?? "active") === "active" && Status?.State === "ready",
  ).length;
}

/** Why no task can start beside those that run, or `undefined` when one can. */
export function findCrowding(spec: ServiceSpec, usableNodes: number): string | undefined {
  const replicas = spec.Mode?.Replicated?.Replicas ?? 1;
  const nodes = `${usableNodes} ${usableNodes === 1 ? "node" : "nodes"}`;
  const port = spec.EndpointSpec?.Ports?.find((one) => one.PublishMode === "host" && one.PublishedPort);
  if (port !== undefined && (spec.Mode?.Global || replicas >= usableNodes))
    return `each task has port ${port.PublishedPort} of its node, and no node of ${nodes} is without one`;
  const maximum = spec.TaskTemplate.Placement?.MaxReplicas ?? 0;
  if (maximum > 0 && spec.Mode?.Replicated && replicas >= maximum * usableNodes)
    return `${nodes} may have ${maximum} ${maximum === 1 ? "task" : "tasks"} each, and all have them`;
  return undefined;
}
