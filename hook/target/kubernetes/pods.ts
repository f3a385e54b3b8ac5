import type { Images } from "./workload.ts";

/** What is read of a pod (kubernetes/api, core/v1/types.go). */
export interface Pod {
  metadata: { name: string; deletionTimestamp?: string };
  spec: { containers: { name: string; image: string }[]; initContainers?: { name: string; image: string }[] };
  status: {
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

interface ContainerStatus {
  name: string;
  ready: boolean;
  restartCount: number;
  state?: { waiting?: { reason?: string; message?: string } };
  lastState?: { terminated?: { exitCode: number; reason?: string; message?: string } };
}

/** Reasons of the kubelet's for waiting that are none. */
const ordinary = new Set(["ContainerCreating", "PodInitializing"]);

/** What keeps the new pods from being ready, one text each, without what several say. */
export function describeTroubles(pods: readonly Pod[], images: Images): string[] {
  const wanted = [...images].map(([{ list, name }, image]) => ({ list, name, image }));
  const mine = pods.filter(
    ({ metadata, spec }) =>
      metadata.deletionTimestamp === undefined &&
      wanted.every(({ list, name, image }) =>
        spec[list]?.some((one) => one.name === name && one.image === image),
      ),
  );
  return [...new Set(mine.flatMap(troublesOf))];
}

function troublesOf({ status }: Pod): string[] {
  const { conditions = [], containerStatuses = [], initContainerStatuses = [] } = status;
  const unscheduled = conditions.find(({ type, status }) => type === "PodScheduled" && status === "False");
  const all = [...initContainerStatuses, ...containerStatuses];
  return [
    ...(unscheduled === undefined
      ? []
      : [`${unscheduled.reason ?? "not scheduled"}: ${unscheduled.message ?? ""}`]),
    ...all.flatMap(troubleOf),
  ];
}

function troubleOf({ name, ready, state, lastState, restartCount }: ContainerStatus): string[] {
  if (ready) return [];
  const { waiting } = state ?? {};
  const { terminated } = lastState ?? {};
  // Of a CrashLoopBackOff the kubelet says only how long it waits; how the container ended says more.
  const why =
    waiting?.reason !== undefined && !ordinary.has(waiting.reason)
      ? [waiting.reason, waiting.reason === "CrashLoopBackOff" ? "" : (waiting.message ?? "")]
      : [];
  const end =
    terminated === undefined || terminated.exitCode === 0
      ? []
      : [
          `ended with status ${terminated.exitCode} (${[terminated.reason, terminated.message].filter(Boolean).join(": ")}), restarted ${restartCount} times`,
        ];
  const parts = [...why, ...end].filter((part) => part !== "");
  return parts.length === 0 ? [] : [`${name}: ${parts.join(": ").slice(0, 500)}`];
}
