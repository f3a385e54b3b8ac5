import { type ImageName, isSameImage } from "../../../oci/reference.ts";
import { parseReference } from "../../engine-api/images.ts";
import type { Release } from "../target.ts";

export const kinds = {
  deployment: { kind: "Deployment", resource: "deployments" },
  statefulSet: { kind: "StatefulSet", resource: "statefulsets" },
  daemonSet: { kind: "DaemonSet", resource: "daemonsets" },
} as const;

export type WorkloadKind = keyof typeof kinds;

/** What is read of an object of apps/v1 (kubernetes/api, apps/v1/types.go). */
export interface Workload {
  metadata: { name: string; generation: number; resourceVersion: string };
  spec: {
    replicas?: number;
    paused?: boolean;
    selector: LabelSelector;
    strategy?: Strategy;
    updateStrategy?: Strategy;
    template: { spec: { containers: Container[]; initContainers?: Container[] } };
  };
  status: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    currentRevision?: string;
    updateRevision?: string;
    desiredNumberScheduled?: number;
    updatedNumberScheduled?: number;
    numberAvailable?: number;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
  };
}

interface Strategy {
  type?: string;
  rollingUpdate?: { partition?: number; maxSurge?: number | string } | null;
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

export interface Container {
  name: string;
  image: string;
  readinessProbe?: object;
}

export interface Wanted {
  image: ImageName;
  container?: string | undefined;
}

/** A container that is to run the image. */
export interface Place {
  list: "containers" | "initContainers";
  name: string;
  image: string;
  /** As the pod's template calls it: it may be a mirror's name. */
  repository: string;
  release: Release;
}

export type Places = { places: Place[] } | { problem: string };

export function findPlaces({ metadata, spec }: Workload, { image, container }: Wanted): Places {
  const { containers, initContainers = [] } = spec.template.spec;
  const all = [
    ...containers.map((one) => ({ ...one, list: "containers" as const })),
    ...initContainers.map((one) => ({ ...one, list: "initContainers" as const })),
  ];
  const places = all.flatMap(({ list, name, image: text }): Place[] => {
    const reference = parseReference(text);
    const isMeant =
      reference !== undefined &&
      (container === undefined ? isSameImage(reference.name, image) : name === container);
    if (!isMeant) return [];
    const release = { tag: reference.tag ?? "latest", digest: reference.digest };
    return [{ list, name, image: text, repository: reference.name.text, release }];
  });
  if (places.length > 0) return { places };
  const has = all.map(({ name, image: text }) => `${name} (${text})`).join(", ");
  const what =
    container === undefined ? `no container with the image ${image.text}` : `no container ${container}`;
  return { problem: `${metadata.name} has ${what}; it has ${has}: name one with \`container\`` };
}

/** Pinned where the digest is known: the nodes then pull the same, however the tag is moved. */
export function imageOf({ repository }: Place, { tag, digest }: Release): string {
  return `${repository}:${tag}${digest === null ? "" : `@${digest}`}`;
}

/** By container; what a change is made from, and taken back to. */
export type Images = ReadonlyMap<Place, string>;

export function imagesFor(places: readonly Place[], release: Release): Images {
  return new Map(places.map((place) => [place, imageOf(place, release)]));
}

/** A strategic merge patch; its resourceVersion makes it a conflict when somebody was faster. */
export function patchFor({ metadata }: Workload, images: Images, cause: string): object {
  const listOf = (list: Place["list"]) =>
    [...images].filter(([place]) => place.list === list).map(([{ name }, image]) => ({ name, image }));
  const [containers, initContainers] = [listOf("containers"), listOf("initContainers")];
  return {
    metadata: {
      resourceVersion: metadata.resourceVersion,
      // Shown by `kubectl rollout history`.
      annotations: { "kubernetes.io/change-cause": cause },
    },
    spec: {
      template: {
        spec: {
          ...(containers.length > 0 && { containers }),
          ...(initContainers.length > 0 && { initContainers }),
        },
      },
    },
  };
}

/** As `labelSelector` takes it. */
export function selectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === "Exists") return key;
    if (operator === "DoesNotExist") return `!${key}`;
    return `${key} ${operator === "In" ? "in" : "notin"} (${values.join(",")})`;
  });
  return [...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`), ...expressions].join(",");
}

/** Why a rollout would not be without downtime. */
export function findDowntime(kind: WorkloadKind, { spec }: Workload, places: readonly Place[]): string[] {
  const probed = new Set(
    spec.template.spec.containers.filter((one) => one.readinessProbe !== undefined).map(({ name }) => name),
  );
  const unprobed = places.filter(({ list, name }) => list === "containers" && !probed.has(name));
  return [
    ...orderOf(kind, spec),
    ...unprobed.map(
      ({ name }) => `the container ${name} has no readinessProbe: it counts as ready as soon as it runs`,
    ),
  ];
}

function orderOf(kind: WorkloadKind, { strategy, updateStrategy, replicas = 1 }: Workload["spec"]): string[] {
  if (strategy?.type === "Recreate")
    return ["its strategy is Recreate: all pods are stopped before new ones start"];
  if (updateStrategy?.type === "OnDelete")
    return ["its updateStrategy is OnDelete: no pod is replaced until somebody deletes it"];
  if (kind === "statefulSet" && replicas < 2)
    return ["a StatefulSet stops its only pod before the new one starts"];
  const surge = updateStrategy?.rollingUpdate?.maxSurge ?? 0;
  if (kind === "daemonSet" && (surge === 0 || surge === "0%"))
    return ["a DaemonSet without maxSurge stops each node's pod before the new one starts"];
  return [];
}
