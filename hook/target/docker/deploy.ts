import { type Credentials, CredentialsError } from "../../../oci/credentials.ts";
import type { ImageName } from "../../../oci/reference.ts";
import { type Container, findContainer, listContainers, nameOf } from "../../engine-api/containers.ts";
import type { Engine } from "../../engine-api/engine.ts";
import { EngineError } from "../../engine-api/error.ts";
import { findImage } from "../../engine-api/images.ts";
import type { Deployment } from "../../store/deployment.ts";
import type { CheckContext, DeployContext, EngineState, Outcome, Release } from "../target.ts";
import { findConflict } from "./copy.ts";
import { listSlots, plainName, readFamily } from "./family.ts";
import { describeSelector, findMeant, releaseOf, type Selector } from "./find.ts";
import { makeImageReady, type ReadyImage } from "./image.ts";
import { mendSlot, pruneKept, type ReplaceSetting, type Workplace } from "./mend.ts";
import { isInContainer, readSurroundings } from "./own-container.ts";
import { type Replaced, replaceContainer, type Successor } from "./replace.ts";

/** Everything that one service's deployments to an Engine need to know. */
export interface DockerPlan {
  service: string;
  image: ImageName;
  selector: Selector;
  connect(signal: AbortSignal): Promise<Engine>;
  credentials(signal: AbortSignal): Promise<Credentials | undefined>;
  pull: "always" | "missing" | "never";
  keep: number;
  mayAutoRemove: boolean;
  replace: ReplaceSetting;
}

/** What of a deployment is asked for here. */
export type Wanted = Pick<Deployment, "id" | "tag" | "digest">;

type Failed = Extract<Outcome, { kind: "failed" }>;

/** Thrown before anything is replaced. */
class Refusal extends Error {}

export function deployRelease(
  plan: DockerPlan,
  deployment: Wanted,
  context: DeployContext,
): Promise<Outcome> {
  return carryOut(plan, deployment, context, async (site) => {
    const image = await prepareImage(site, deployment);
    return (container) => newSuccessor(site, container, image, deployment);
  });
}

/** A container that was kept is started again; only without one it takes a new container from the image. */
export function rollBackTo(
  plan: DockerPlan,
  to: Release,
  deployment: Wanted,
  context: DeployContext,
): Promise<Outcome> {
  const wanted = { ...deployment, ...to };
  return carryOut(plan, wanted, context, async (site) => {
    let image: Promise<ReadyImage> | undefined;
    return async (container) => {
      const current = await releaseOf(site.engine, container, plan.image, context);
      if (container.State.Running && current !== undefined && isSameRelease(current, to)) return undefined;
      const kept = await findKept(site, container, to);
      if (kept !== undefined) {
        context.log(`${nameOf(kept)} has ${to.tag}: starting it again`);
        return { kind: "kept", container: kept };
      }
      image ??= prepareImage(site, wanted);
      return newSuccessor(site, container, await image, wanted);
    };
  });
}

export async function currentRelease(
  plan: DockerPlan,
  { signal }: CheckContext,
): Promise<Release | undefined> {
  const engine = await plan.connect(signal);
  const [first] = await findMeant(engine, plan.selector, { signal });
  return first && releaseOf(engine, first, plan.image, { signal });
}

interface Site {
  plan: DockerPlan;
  engine: Engine;
  place: Workplace;
}

/** `undefined`: it has the release already. */
type Choice = (container: Container) => Promise<Successor | undefined>;

async function carryOut(
  plan: DockerPlan,
  { tag }: Wanted,
  { signal, log }: DeployContext,
  prepare: (site: Site) => Promise<Choice>,
): Promise<Outcome> {
  let ready: { site: Site; containers: readonly Container[]; choose: Choice };
  try {
    const engine = await plan.connect(signal);
    log(`${engine.product} at ${engine.where} answers`);
    const site = { plan, engine, place: { engine, setting: plan.replace, signal, log } };
    await mendAll(site);
    const containers = await findReplaceable(site);
    ready = { site, containers, choose: await prepare(site) };
  } catch (error) {
    return describeRefusal(error, "unchanged");
  }
  return replaceAll(ready.site, ready.containers, ready.choose, tag);
}

function describeRefusal(error: unknown, engine: EngineState): Failed {
  const isOurs =
    error instanceof EngineError || error instanceof Refusal || error instanceof CredentialsError;
  if (!isOurs) throw error;
  return {
    kind: "failed",
    reason: error.message,
    isTemporary: error instanceof EngineError && error.isTemporary,
    engine,
  };
}

/** What a killed process has left in the middle is brought to its end first. */
async function mendAll({ plan, engine, place }: Site): Promise<void> {
  for (const slot of await listSlots(engine, plan.service, place)) {
    const { kind } = await mendSlot(slot, place);
    if (kind === "finished") place.log(`finished what was left in the middle: ${slot} is the new container`);
    if (kind === "taken-back")
      place.log(`took back what was left in the middle: ${slot} is the old container`);
  }
}

async function findReplaceable({ plan, engine, place }: Site): Promise<Container[]> {
  const { selector } = plan;
  const found = await findMeant(engine, selector, place);
  const missing =
    selector.kind === "names"
      ? selector.names.filter((name) => !found.some((one) => nameOf(one) === name))
      : [];
  if (found.length === 0 || missing.length > 0) {
    const what = missing.length > 0 ? `the name ${missing.join(" or ")}` : describeSelector(selector);
    throw new Refusal(
      `${engine.product} at ${engine.where} has no container with ${what}: start it once by hand, it is the pattern for those that follow`,
    );
  }
  for (const container of found) {
    const problem = (await refuse(engine, container, plan, place.signal)) ?? orderProblem(container, plan);
    if (problem !== undefined) throw new Refusal(problem);
  }
  return found;
}

/** The names of the running containers that share a container's network. */
async function listGuests(engine: Engine, { Id }: Container, signal: AbortSignal): Promise<string[]> {
  const running = (await listContainers(engine, { signal })).filter(({ State }) => State === "running");
  const mode = `container:${Id}`;
  if (!engine.isPodman)
    return running.filter(({ HostConfig }) => HostConfig?.NetworkMode === mode).map(plainName);
  // Podman's list says "host" of every container.
  const described = await Promise.all(running.map((one) => findContainer(engine, one.Id, { signal })));
  return described
    .filter((one) => one?.HostConfig.NetworkMode === mode)
    .map((one) => (one ? nameOf(one) : ""));
}

/** Why a container must not be replaced, or `undefined`. */
export async function refuse(
  engine: Engine,
  container: Container,
  { mayAutoRemove }: DockerPlan,
  signal: AbortSignal,
): Promise<string | undefined> {
  const name = nameOf(container);
  if (isInContainer(container.Id, readSurroundings()))
    return `${name} is the container that this hook runs in: it would end itself in the middle of its work`;
  if (container.HostConfig.AutoRemove && !mayAutoRemove)
    return `${name} is removed as soon as it stops (--rm), so there would be no way back: start it without --rm, or set autoRemove: true`;
  const guests = await listGuests(engine, container, signal);
  if (guests.length > 0)
    return `${guests.join(", ")} would lose the network of ${name}, which they share: replace them together by another way`;
  return undefined;
}

export function orderProblem(container: Container, { replace: { order } }: DockerPlan): string | undefined {
  const conflict = findConflict(container);
  if (order !== "start-first" || conflict === undefined) return undefined;
  return `${nameOf(container)} cannot run twice at the same time: ${conflict}; set order: stop-first`;
}

async function prepareImage({ plan, engine, place }: Site, { tag, digest }: Release): Promise<ReadyImage> {
  const { image: name, pull, credentials } = plan;
  const { signal, log } = place;
  const image = await makeImageReady(engine, {
    name,
    release: { tag, digest },
    pull,
    credentials,
    signal,
    log,
  });
  if (image.digest !== null && digest === null) log(`${name.text}:${tag} is ${image.digest}`);
  return image;
}

async function newSuccessor(
  { plan, engine, place }: Site,
  container: Container,
  image: ReadyImage,
  { tag, id: deployment }: Wanted,
): Promise<Successor | undefined> {
  if (container.Image === image.id && container.State.Running) return undefined;
  const oldImage = await findImage(engine, container.Image, place);
  if (oldImage === undefined) {
    throw new Refusal(
      `the image of ${nameOf(container)} (${container.Image}) is gone, so it is not known what of its config is its own: start it anew by hand`,
    );
  }
  const release = { tag, digest: image.digest };
  return { kind: "new", image, oldImage: oldImage.Config ?? {}, service: plan.service, release, deployment };
}

async function findKept({ plan, engine, place }: Site, container: Container, to: Release) {
  const { kept } = await readFamily(engine, nameOf(container), place);
  for (const one of kept) {
    const release = await releaseOf(engine, one, plan.image, place);
    if (release !== undefined && isSameRelease(release, to)) return one;
  }
  return undefined;
}

function isSameRelease(a: Release, b: Release): boolean {
  return a.digest !== null && b.digest !== null ? a.digest === b.digest : a.tag === b.tag;
}

/** One at a time; when one fails, those before it are put back too. */
async function replaceAll(
  site: Site,
  containers: readonly Container[],
  choose: Choice,
  tag: string,
): Promise<Outcome> {
  const done: Container[] = [];
  let current = 0;
  for (const container of containers) {
    const result = await replaceOne(site, container, choose);
    if (result === "current") current++;
    else if (result.kind === "replaced") done.push(container);
    else return undo(site, done, nameOf(container), result);
  }
  await pruneAll(site, containers);
  const count = (number: number) => `${number} ${number === 1 ? "container" : "containers"}`;
  const summary =
    done.length === 0
      ? `${count(current)} had ${tag} already: nothing to do`
      : `replaced ${count(done.length)} by ${tag}, healthy${current > 0 ? `; ${count(current)} had it already` : ""}`;
  return { kind: "succeeded", summary, isConverged: true };
}

async function replaceOne(
  { place }: Site,
  container: Container,
  choose: Choice,
): Promise<Replaced | "current"> {
  let successor: Successor | undefined;
  try {
    successor = await choose(container);
  } catch (error) {
    const { reason, isTemporary = false } = describeRefusal(error, "unchanged");
    return { kind: "unchanged", reason, isTemporary };
  }
  if (successor !== undefined) return replaceContainer(container, successor, place);
  place.log(`${nameOf(container)} has it already`);
  return "current";
}

async function undo(
  site: Site,
  done: readonly Container[],
  name: string,
  result: Exclude<Replaced, { kind: "replaced" }>,
): Promise<Outcome> {
  const reason = `${name}: ${result.reason}`;
  const problems: string[] = result.kind === "unknown" ? [reason] : [];
  for (const { Id, Name } of done.toReversed()) {
    const slot = Name.replace(/^\//, "");
    const problem = await putBack(site, slot, Id);
    if (problem !== undefined) problems.push(`${slot} could not be put back: ${problem}`);
  }
  if (problems.length > 0) {
    const all = result.kind === "unknown" ? problems : [reason, ...problems];
    return {
      kind: "failed",
      reason: all.join("; "),
      isTemporary: result.kind === "unknown",
      engine: "unknown",
    };
  }
  if (result.kind === "unchanged" && done.length === 0)
    return { kind: "failed", reason, isTemporary: result.isTemporary, engine: "unchanged" };
  return { kind: "rolled-back", reason: `${reason}; the old container serves again` };
}

/** Goes on after the signal: half a deployment is worse than a late end. */
async function putBack({ engine, place }: Site, slot: string, id: string): Promise<string | undefined> {
  const signal = AbortSignal.timeout(60_000);
  const later = { ...place, signal };
  try {
    const { holder, kept } = await readFamily(engine, slot, later);
    const container = kept.find(({ Id }) => Id === id);
    if (holder === undefined || container === undefined) return `the container that ${slot} was is gone`;
    place.log(`putting ${slot} back as well`);
    const result = await replaceContainer(holder, { kind: "kept", container }, later);
    return result.kind === "replaced" ? undefined : result.reason;
  } catch (error) {
    return describeRefusal(error, "unknown").reason;
  }
}

/** Failing at this is no failure of the deployment: the next one tries again. */
async function pruneAll({ plan, place }: Site, containers: readonly Container[]): Promise<void> {
  for (const container of containers) {
    try {
      await pruneKept(nameOf(container), plan.keep, place);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      place.log(
        `replaced containers of ${nameOf(container)} are left for the next deployment: ${error.message}`,
      );
    }
  }
}
