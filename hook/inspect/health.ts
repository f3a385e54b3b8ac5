import { fillProbe } from "../deploy/health-gate.ts";
import { runProbe } from "../deploy/probe.ts";
import type { Service } from "../service.ts";
import type { Deployment } from "../store/deployment.ts";
import type { Release, Target } from "../target/target.ts";

export const healthStates = ["healthy", "unhealthy", "unknown"] as const;

export interface Health {
  state: (typeof healthStates)[number];
  /** What was seen, or why nothing could be. */
  detail: string;
}

export interface Running {
  service: Service;
  /** The last deployment that succeeded: what should run. */
  release: Deployment;
}

/** How what runs does now: by the service's own health gate, or else by what the target says that it has. */
export async function findHealth({ service, release }: Running, signal: AbortSignal): Promise<Health> {
  try {
    return service.verify === undefined
      ? await askTarget(service.target, release, signal)
      : await askSite({ verify: service.verify, release }, signal);
  } catch (error) {
    return { state: "unknown", detail: (error as Error).message };
  }
}

async function askSite(
  { verify, release }: { verify: NonNullable<Service["verify"]>; release: Release },
  signal: AbortSignal,
): Promise<Health> {
  const probe = fillProbe(verify, release);
  if (probe === undefined)
    return { state: "unknown", detail: "`verify` names the digest, which is not known" };
  const { isGood, seen } = await runProbe(probe, signal);
  return { state: isGood ? "healthy" : "unhealthy", detail: `${probe.url.origin} gave ${seen}` };
}

async function askTarget(target: Target, release: Release, signal: AbortSignal): Promise<Health> {
  if (target.current === undefined)
    return { state: "unknown", detail: "nobody asks: give the service a `verify`" };
  const current = await target.current({ signal });
  if (current === undefined) return { state: "unhealthy", detail: `${target.name} has nothing of it` };
  if (isSame(current, release)) return { state: "healthy", detail: `${target.name} has ${current.tag}` };
  return { state: "unhealthy", detail: `${target.name} has ${current.tag} instead of ${release.tag}` };
}

/** The digest, where both are known: a tag may have been pushed again. */
function isSame(current: Release, release: Release): boolean {
  return current.digest !== null && release.digest !== null
    ? current.digest === release.digest
    : current.tag === release.tag;
}
