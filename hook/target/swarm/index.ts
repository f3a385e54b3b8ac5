import type { Credentials } from "../../../oci/credentials.ts";
import { readDockerCredentials } from "../../../oci/docker-config.ts";
import { connectEngine, readTimeoutIn } from "../../engine-api/engine.ts";
import type { Target, TargetKind, TargetSetting } from "../target.ts";
import { checkSwarm } from "./check.ts";
import { currentOfSwarm, deployToSwarm, rollBackSwarm } from "./deploy.ts";
import type { SwarmPlan } from "./plan.ts";
import { planPartsOf, type SwarmOptions, swarmSchema } from "./setting.ts";

/** Updates services of a Docker swarm, and follows them until the swarm has converged or gone back. */
export const swarm: TargetKind<SwarmOptions> = { name: "swarm", schema: swarmSchema, create };

function create(options: SwarmOptions, setting: TargetSetting): Target {
  const { engine: address, tls, timeout } = options;
  const reached = { address, tls, readTimeoutMs: readTimeoutIn(timeout) };
  return swarmTarget("swarm", {
    ...planPartsOf(options),
    image: setting.image,
    connect: (signal) => connectEngine(reached, signal),
    credentials: (signal) => readCredentials(options, setting, signal),
    timeoutMs: timeout,
  });
}

/** The same, whatever the way to the Engine. */
export function swarmTarget(name: string, plan: SwarmPlan): Target {
  return {
    name,
    // The release has its time, and going back has as much; the rest is for asking the registry.
    timeoutMs: 2 * plan.timeoutMs + 30_000,
    deploy: ({ tag, digest }, context) => deployToSwarm(plan, { tag, digest }, context),
    rollback: (to, _deployment, context) => rollBackSwarm(plan, to, context),
    current: (context) => currentOfSwarm(plan, context),
    check: (context) => checkSwarm(plan, context),
  };
}

export async function readCredentials(
  { username, password, dockerConfig }: Partial<Pick<SwarmOptions, "username" | "password" | "dockerConfig">>,
  { image, environment }: Pick<TargetSetting, "image" | "environment">,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  if (username !== undefined && password !== undefined) return { username, password };
  return dockerConfig === undefined
    ? undefined
    : readDockerCredentials(dockerConfig, image.registry, { environment, signal });
}
