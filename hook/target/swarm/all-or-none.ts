import type { Engine } from "../../engine-api/engine.ts";
import { EngineError } from "../../engine-api/error.ts";
import { findService, type SwarmService } from "../../engine-api/services.ts";
import type { DeployContext, Outcome } from "../target.ts";
import type { SwarmPlan } from "./plan.ts";
import { isBackHalfWay, type Rolled, rollService } from "./roll.ts";
import { imageOf, type PinnedImage } from "./spec.ts";

/** How the services of one deployment are reached, and what they are to become. */
export interface Site {
  plan: SwarmPlan;
  engine: Engine;
  image: PinnedImage;
  headers: Readonly<Record<string, string>>;
  context: DeployContext;
}

interface Rolling {
  /** As it was before. */
  service: SwarmService;
  result: Rolled;
}

/** Brings services to an image: all of them, or none. */
export async function rollAll(site: Site, services: readonly SwarmService[]): Promise<Outcome> {
  const startedMs = performance.now();
  const { plan, context } = site;
  const limit = AbortSignal.timeout(plan.timeoutMs);
  const signal = AbortSignal.any([context.signal, limit]);
  const roll = async (service: SwarmService): Promise<Rolling> => ({
    service,
    result: await rollOne(site, service, site.image, "rollback", signal, plan.force),
  });
  const rolled = plan.isTogether ? await Promise.all(services.map(roll)) : await rollInTurn(services, roll);
  const bad = rolled.filter(({ result }) => result.kind !== "converged");
  if (bad.length > 0) return undo(site, rolled, bad);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  const how = rolled.map(({ result }) => (result.kind === "converged" ? result.how : "")).join("; ");
  const { reference } = site.image;
  const [, digest] = reference.split("@");
  return {
    kind: "succeeded",
    summary: `the swarm runs ${reference} after ${seconds} s (${how})`,
    isConverged: true,
    ...(digest !== undefined && { digest }),
  };
}

async function rollInTurn(
  services: readonly SwarmService[],
  roll: (service: SwarmService) => Promise<Rolling>,
): Promise<Rolling[]> {
  const rolled: Rolling[] = [];
  for (const service of services) {
    const one = await roll(service);
    rolled.push(one);
    if (one.result.kind !== "converged") break;
  }
  return rolled;
}

function rollOne(
  { plan, engine, headers, context: { log } }: Site,
  service: SwarmService,
  image: PinnedImage,
  failureAction: "rollback" | "pause",
  signal: AbortSignal,
  force?: SwarmPlan["force"],
): Promise<Rolled> {
  const { order, monitorMs } = plan;
  return rollService(engine, service, {
    image,
    order,
    monitorMs,
    failureAction,
    headers,
    force,
    log,
    signal,
  });
}

function reasonOf({ result }: Rolling): string {
  return "reason" in result ? result.reason : "";
}

/** What has come to the new release, or stands half-way, goes back to what it had: all of them or none. */
async function undo(site: Site, rolled: readonly Rolling[], bad: readonly Rolling[]): Promise<Outcome> {
  const reason = bad.map(reasonOf).join("; ");
  const { context } = site;
  if (context.signal.aborted)
    return { kind: "failed", reason, engine: isUntouched(rolled) ? "unchanged" : "changed" };
  const isTemporary = bad.every(({ result }) => "isTemporary" in result && result.isTemporary);
  if (isUntouched(rolled)) return { kind: "failed", reason, isTemporary, engine: "unchanged" };
  const left = rolled.filter(({ result }) => result.kind !== "rolled-back" && result.kind !== "refused");
  const isOvertaken = left.some(({ result }) => result.kind === "overtaken");
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(site.plan.timeoutMs)]);
  const results = await Promise.all(left.map(({ service }) => putBack(site, service, signal)));
  const problems = results.filter((problem) => problem !== undefined);
  if (problems.length > 0)
    return { kind: "failed", reason: `${reason}; ${problems.join("; ")}`, engine: "unknown" };
  // Somebody else's change stays, whatever it is.
  if (isOvertaken) return { kind: "failed", reason, engine: "unknown" };
  const names = left.map(({ service }) => service.Spec.Name).join(", ");
  const done = names === "" ? "" : `; ${names} ${left.length === 1 ? "was" : "were"} put back`;
  return { kind: "rolled-back", reason: `${reason}${done}` };
}

function isUntouched(rolled: readonly Rolling[]): boolean {
  return rolled.every(({ result }) => result.kind === "refused" || ("hadIt" in result && result.hadIt));
}

/** `undefined` when the service has what it had before; otherwise what went wrong. */
async function putBack(site: Site, before: SwarmService, signal: AbortSignal): Promise<string | undefined> {
  const { engine, image, context } = site;
  const { Name: name } = before.Spec;
  const earlier = imageOf(before);
  try {
    const now = await findService(engine, before.ID, { signal });
    if (now === undefined || !isToPutBack(now, earlier, image)) return undefined;
    context.log(`putting ${name} back to ${earlier}`);
    const target = { reference: earlier, platforms: before.Spec.TaskTemplate.Placement?.Platforms ?? [] };
    const result = await rollOne(site, now, target, "pause", signal);
    return result.kind === "converged" ? undefined : `putting ${name} back failed: ${result.reason}`;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return `putting ${name} back failed: ${error.message}`;
  }
}

/** Not what is somebody else's by now. */
function isToPutBack(now: SwarmService, earlier: string, image: PinnedImage): boolean {
  if (earlier === image.reference) return false;
  return isRelease(imageOf(now), image) || (imageOf(now) === earlier && isBackHalfWay(now));
}

/** A tag that was pinned by somebody else is that tag still. */
function isRelease(found: string, { reference }: PinnedImage): boolean {
  return found === reference || (!reference.includes("@") && found.replace(/@.*$/, "") === reference);
}
