import { CredentialsError } from "../../../oci/credentials.ts";
import type { Engine } from "../../engine-api/engine.ts";
import { EngineError } from "../../engine-api/error.ts";
import { listNodes, type SwarmService } from "../../engine-api/services.ts";
import type { CheckContext, DeployContext, Outcome, Release } from "../target.ts";
import { rollAll } from "./all-or-none.ts";
import { findEarlierImage, pinImage, releaseOf } from "./pin.ts";
import { connectManager, findServices, Refusal, registryHeadersOf, type SwarmPlan } from "./plan.ts";
import { countUsableNodes, findCrowding, imageOf, type PinnedImage } from "./spec.ts";

export async function deployToSwarm(
  plan: SwarmPlan,
  release: Release,
  context: DeployContext,
): Promise<Outcome> {
  return carryOut(plan, context, async (engine, services, headers) => {
    const { log, signal } = context;
    await refuseImpossible(plan, engine, services, signal);
    if (plan.force !== undefined) return forcedImage(plan, release, services);
    const wish = { name: plan.image, release, isAsked: plan.isPinned, headers, signal, log };
    return pinImage(engine, wish);
  });
}

/** The tag stays as it is: it has to be the one that was pushed. */
function forcedImage({ image }: SwarmPlan, { tag }: Release, services: readonly SwarmService[]): PinnedImage {
  const reference = `${image.text}:${tag}`;
  for (const service of services) {
    const has = imageOf(service).replace(/@.*$/, "");
    if (has !== reference)
      throw new Refusal(
        `the service ${service.Spec.Name} runs ${has}, not ${reference}: \`force\` leaves a tag as it is`,
      );
  }
  return { reference };
}

/** After a rollback by the swarm itself, nothing but the release's own digest says what was there before. */
export async function rollBackSwarm(plan: SwarmPlan, to: Release, context: DeployContext): Promise<Outcome> {
  return carryOut(plan, context, async (engine, services, headers) => {
    const known = to.digest === null ? findEarlierImage(services, plan.image, to.tag) : undefined;
    const { log, signal } = context;
    if (known !== undefined) return { reference: known };
    const wish = { name: plan.image, release: to, isAsked: plan.isPinned, headers, signal, log };
    return pinImage(engine, wish);
  });
}

export async function currentOfSwarm(
  plan: SwarmPlan,
  { signal }: CheckContext,
): Promise<Release | undefined> {
  const engine = await connectManager(plan, signal);
  const [first] = await findServices(engine, plan, signal);
  const found = releaseOf(first);
  return found && { tag: found.tag, digest: found.digest };
}

/** An order that the config insists on and that cannot be is better said than waited for. */
export async function refuseImpossible(
  { order }: SwarmPlan,
  engine: Engine,
  services: readonly SwarmService[],
  signal: AbortSignal,
): Promise<void> {
  if (order === "auto" || order === "stop-first") return;
  const usable = countUsableNodes(await listNodes(engine, { signal }));
  for (const { Spec } of services) {
    if (order === "spec" && Spec.UpdateConfig?.Order !== "start-first") continue;
    const why = findCrowding(Spec, usable);
    if (why !== undefined)
      throw new Refusal(`the service ${Spec.Name} cannot be updated start-first: ${why}`);
  }
}

type ChooseImage = (
  engine: Engine,
  services: readonly SwarmService[],
  headers: Readonly<Record<string, string>>,
) => Promise<PinnedImage>;

async function carryOut(plan: SwarmPlan, context: DeployContext, choose: ChooseImage): Promise<Outcome> {
  const { signal } = context;
  try {
    const engine = await connectManager(plan, signal);
    const services = await findServices(engine, plan, signal);
    const headers = await registryHeadersOf(plan, signal);
    const image = await choose(engine, services, headers);
    const sent = { ...headers, ...plan.registryHeaders };
    return await rollAll({ plan, engine, image, headers: sent, context }, services);
  } catch (error) {
    return describeRefusal(error);
  }
}

/** Nothing has changed yet when one of these is thrown. */
export function describeRefusal(error: unknown): Outcome {
  const isOurs =
    error instanceof EngineError || error instanceof Refusal || error instanceof CredentialsError;
  if (!isOurs) throw error;
  const isTemporary = error instanceof EngineError && error.isTemporary;
  return { kind: "failed", reason: error.message, isTemporary, engine: "unchanged" };
}
