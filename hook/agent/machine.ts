import { CredentialsError } from "../../oci/credentials.ts";
import { type ImageName, parseImageName } from "../../oci/reference.ts";
import { createFields } from "../config/fields.ts";
import { type Container, nameOf } from "../engine-api/containers.ts";
import type { Engine } from "../engine-api/engine.ts";
import { EngineError } from "../engine-api/error.ts";
import { type DockerPlan, deployRelease, rollBackTo } from "../target/docker/deploy.ts";
import { listSlots, readFamily } from "../target/docker/family.ts";
import { findMeant, releaseOf } from "../target/docker/find.ts";
import { makeImageReady, type ReadyImage } from "../target/docker/image.ts";
import { planOf } from "../target/docker/index.ts";
import { mendSlot } from "../target/docker/mend.ts";
import { dockerSchema } from "../target/docker/setting.ts";
import type { ReleaseRecord } from "../target/etcd/record.ts";
import { replaceKeys } from "../target/etcd/setting.ts";
import type { Outcome } from "../target/target.ts";
import type { AgentSetting } from "./setting.ts";

/** What one release means on this machine. */
export interface Task {
  plan: DockerPlan;
  record: ReleaseRecord;
}

/** Somebody else writes these: what this agent cannot do is refused, in words. */
export function taskOf(record: ReleaseRecord, setting: AgentSetting): Task | { problem: string } {
  const { environment, directory, registry } = setting;
  const image = imageFrom(record.image, registry);
  if ("problem" in image) return { problem: `the release's image ${record.image}: ${image.problem}` };
  const given = Object.fromEntries(
    Object.entries(record.replace).filter(([key]) => (replaceKeys as readonly string[]).includes(key)),
  );
  const parsed = dockerSchema(createFields({ environment, directory })).safeParse({
    ...given,
    ...setting.docker,
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { problem: `the release's replace.${issue?.path.join(".")}: ${issue?.message}` };
  }
  const options = { ...parsed.data, stopTimeout: setting.killTimeoutMs };
  const place = { service: record.service, image: image.name, environment, directory };
  return { plan: planOf(options, place), record };
}

/** A machine may pull from another registry what senders call by Docker Hub's name. */
export function imageFrom(
  text: string,
  registry: string | undefined,
): { name: ImageName } | { problem: string } {
  const parsed = parseImageName(text);
  if ("problem" in parsed || registry === undefined || parsed.name.registry !== "docker.io") return parsed;
  return parseImageName(`${registry}/${text}`);
}

/** Errors of Docker and of logins, which are a release's or a machine's fault and no bug. */
export function explainFailure(error: unknown): { line: string; isTemporary: boolean } | undefined {
  if (error instanceof EngineError) return { line: error.message, isTemporary: error.isTemporary };
  if (error instanceof CredentialsError) return { line: error.message, isTemporary: false };
  return undefined;
}

/** A release that is gone back to is pulled only where no container of it was kept. */
export async function fetchImage(
  { plan, record }: Task,
  engine: Engine,
  { signal, log }: { signal: AbortSignal; log(line: string): void },
): Promise<ReadyImage | undefined> {
  if (record.kind === "rollback") return undefined;
  const { image: name, pull, credentials } = plan;
  const { tag, digest } = record;
  return makeImageReady(engine, { name, release: { tag, digest }, pull, credentials, signal, log });
}

/** Also those that are left of a replacement that did not end. */
export async function hasContainers(task: Task, engine: Engine, signal: AbortSignal): Promise<boolean> {
  const found = await findMeant(engine, task.plan.selector, { signal });
  return found.length > 0 || (await findUnfinished(task, engine, signal)).length > 0;
}

export interface Found {
  /** How many there are. */
  count: number;
  /** Names of those that do not have the release. */
  outdated: string[];
}

export async function findOutdated(
  { plan, record }: Task,
  engine: Engine,
  image: ReadyImage | undefined,
  signal: AbortSignal,
): Promise<Found> {
  const found = await findMeant(engine, plan.selector, { signal });
  const states = await Promise.all(
    found.map(async (container) => ({
      name: nameOf(container),
      isCurrent: await hasRelease(container, { plan, record }, engine, image, signal),
    })),
  );
  return { count: found.length, outdated: states.filter((one) => !one.isCurrent).map(({ name }) => name) };
}

async function hasRelease(
  container: Container,
  { plan, record }: Task,
  engine: Engine,
  image: ReadyImage | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  if (!container.State.Running) return false;
  if (image !== undefined) return container.Image === image.id;
  const release = await releaseOf(engine, container, plan.image, { signal });
  if (release === undefined) return false;
  const hasDigests = release.digest !== null && record.digest !== null;
  return hasDigests ? release.digest === record.digest : release.tag === record.tag;
}

/** Where a killed agent has left a replacement in the middle. */
export async function findUnfinished({ plan }: Task, engine: Engine, signal: AbortSignal): Promise<string[]> {
  const slots = await listSlots(engine, plan.service, { signal });
  const families = await Promise.all(slots.map((slot) => readFamily(engine, slot, { signal })));
  return families.filter(({ next }) => next !== undefined).map(({ slot }) => slot);
}

export async function finishSlot(
  { plan }: Task,
  engine: Engine,
  slot: string,
  { signal, log }: { signal: AbortSignal; log(line: string): void },
): Promise<void> {
  const { kind } = await mendSlot(slot, { engine, setting: plan.replace, signal, log });
  log(`${slot} was left in the middle: ${kind}`);
}

/** One container, with all that the docker target does for it: its image, its health, and the way back. */
export function replaceOne(
  { plan, record }: Task,
  name: string,
  image: ReadyImage | undefined,
  { signal, log }: { signal: AbortSignal; log(line: string): void },
): Promise<Outcome> {
  const one: DockerPlan = { ...plan, selector: { kind: "names", names: [name] } };
  const { tag, deployment: id } = record;
  // What the tag was when it was pulled is what every container of this machine gets.
  const digest = record.digest ?? image?.digest ?? null;
  const context = { signal, log, deadline: new Date(8.64e15), remember: async () => {} };
  const wanted = { id, tag, digest };
  return record.kind === "rollback"
    ? rollBackTo(one, { tag, digest }, wanted, context)
    : deployRelease(digest === null ? { ...one, pull: "missing" } : one, wanted, context);
}
