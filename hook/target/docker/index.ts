import type { Credentials } from "../../../oci/credentials.ts";
import { readDockerCredentials } from "../../../oci/docker-config.ts";
import { connectEngine, readTimeoutIn } from "../../engine-api/engine.ts";
import type { Target, TargetKind, TargetSetting } from "../target.ts";
import { checkContainers } from "./check.ts";
import { currentRelease, type DockerPlan, deployRelease, rollBackTo } from "./deploy.ts";
import { type DockerOptions, dockerSchema } from "./setting.ts";

/** Replaces containers on a Docker Engine: a new one beside the old one, or in its place where there is only one place. */
export const docker: TargetKind<DockerOptions> = { name: "docker", schema: dockerSchema, create };

function create(options: DockerOptions, setting: TargetSetting): Target {
  const plan = planOf(options, setting);
  return {
    name: "docker",
    timeoutMs: options.timeout,
    deploy: (deployment, context) => deployRelease(plan, deployment, context),
    rollback: (to, deployment, context) => rollBackTo(plan, to, deployment, context),
    current: (context) => currentRelease(plan, context),
    check: (context) => checkContainers(plan, context),
  };
}

type PlanSetting = Pick<TargetSetting, "service" | "image" | "environment" | "registry">;

export function planOf(options: DockerOptions, setting: PlanSetting): DockerPlan {
  const { service, image, environment } = setting;
  const { engine: address, tls, container, label, health, timeout } = options;
  const reached = { address, tls, readTimeoutMs: readTimeoutIn(timeout) };
  const { probe } = health;
  return {
    service,
    image,
    selector:
      container !== undefined
        ? { kind: "names", names: container }
        : label !== undefined
          ? { kind: "label", label }
          : { kind: "image", image },
    connect: (signal) => connectEngine(reached, signal),
    credentials: (signal) =>
      readCredentials(loginOf(options, setting), image.registry, { environment, signal }),
    pull: options.pull,
    keep: options.keep,
    mayAutoRemove: options.autoRemove,
    replace: {
      order: options.order,
      overlapMs: options.overlap,
      stopTimeoutMs: options.stopTimeout,
      anonymousVolumes: options.anonymousVolumes,
      health: {
        timeoutMs: health.timeout,
        stableMs: health.stable,
        probe: probe && {
          port: probe.port,
          path: probe.path,
          scheme: probe.scheme,
          network: probe.network,
          status: probe.status,
          everyMs: probe.every,
          answerMs: probe.answer,
          tls: probe.tls,
        },
      },
    },
  };
}

type Login = Pick<DockerOptions, "username" | "password" | "dockerConfig">;

/** The target's own, else the one with which the service's registry is asked. */
function loginOf(options: DockerOptions, { registry }: PlanSetting): Login {
  return options.username === undefined && options.dockerConfig === undefined ? (registry ?? {}) : options;
}

async function readCredentials(
  { username, password, dockerConfig }: Login,
  registry: string,
  lookup: { environment: TargetSetting["environment"]; signal: AbortSignal },
): Promise<Credentials | undefined> {
  if (username !== undefined && password !== undefined) return { username, password };
  return dockerConfig === undefined ? undefined : readDockerCredentials(dockerConfig, registry, lookup);
}
