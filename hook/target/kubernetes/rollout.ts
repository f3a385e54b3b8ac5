import type { Workload, WorkloadKind } from "./workload.ts";

/** How far a rollout has come, as `kubectl rollout status` judges it (kubectl, pkg/polymorphichelpers/rollout_status.go). */
export type Rollout =
  | { kind: "done"; line: string }
  | { kind: "under way"; line: string }
  | { kind: "failed"; line: string }
  /** Nothing is replaced by itself. */
  | { kind: "manual"; line: string };

export function judgeRollout(kind: WorkloadKind, workload: Workload): Rollout {
  const { metadata, spec, status } = workload;
  const strategy = kind === "deployment" ? spec.strategy : spec.updateStrategy;
  if (strategy?.type === "OnDelete")
    return { kind: "manual", line: "the change waits for its pods to be deleted" };
  if ((status.observedGeneration ?? 0) < metadata.generation)
    return underWay("not seen by its controller yet");
  if (kind === "deployment") return judgeDeployment(workload);
  return kind === "statefulSet" ? judgeStatefulSet(workload) : judgeDaemonSet(workload);
}

function judgeDeployment({ spec, status }: Workload): Rollout {
  const { replicas: wanted = 1 } = spec;
  const { replicas = 0, updatedReplicas = 0, availableReplicas = 0, conditions = [] } = status;
  const progressing = conditions.find(({ type }) => type === "Progressing");
  if (progressing?.reason === "ProgressDeadlineExceeded")
    return { kind: "failed", line: `ProgressDeadlineExceeded: ${progressing.message ?? ""}` };
  const line = `${updatedReplicas} of ${wanted} updated, ${availableReplicas} available, ${Math.max(0, replicas - updatedReplicas)} of earlier ones left`;
  const isDone =
    updatedReplicas >= wanted && replicas <= updatedReplicas && availableReplicas >= updatedReplicas;
  return isDone ? { kind: "done", line } : underWay(line);
}

function judgeStatefulSet({ spec, status }: Workload): Rollout {
  const { replicas: wanted = 1, updateStrategy } = spec;
  const { updatedReplicas = 0, readyReplicas = 0, currentRevision, updateRevision } = status;
  const partition = updateStrategy?.rollingUpdate?.partition ?? 0;
  const toUpdate = Math.max(0, wanted - partition);
  const line = `${updatedReplicas} of ${toUpdate} updated, ${readyReplicas} of ${wanted} ready`;
  const isUpdated = partition > 0 ? updatedReplicas >= toUpdate : updateRevision === currentRevision;
  return isUpdated && readyReplicas >= wanted ? { kind: "done", line } : underWay(line);
}

function judgeDaemonSet({ status }: Workload): Rollout {
  const {
    desiredNumberScheduled: wanted = 0,
    updatedNumberScheduled: updated = 0,
    numberAvailable: available = 0,
  } = status;
  const line = `${updated} of ${wanted} updated, ${available} available`;
  return updated >= wanted && available >= wanted ? { kind: "done", line } : underWay(line);
}

function underWay(line: string): Rollout {
  return { kind: "under way", line };
}
