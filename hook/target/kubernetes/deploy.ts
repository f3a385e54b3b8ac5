import { setTimeout as sleep } from "node:timers/promises";
import { ApiError } from "../api-error.ts";
import { type ApiWork, insist, note } from "../api-work.ts";
import type { Outcome, Release } from "../target.ts";
import { type Cluster, isConflict } from "./client.ts";
import { describeTroubles, type Pod } from "./pods.ts";
import { judgeRollout, type Rollout } from "./rollout.ts";
import {
  findPlaces,
  type Images,
  imagesFor,
  kinds,
  type LabelSelector,
  patchFor,
  selectorText,
  type Wanted,
  type Workload,
  type WorkloadKind,
} from "./workload.ts";

export interface ClusterWork extends ApiWork {
  cluster: Cluster;
  kind: WorkloadKind;
  name: string;
  wanted: Wanted;
  /** How long nothing may get better. */
  stalledMs: number;
}

const maximumTries = 5;

/** Patches the image, follows the rollout, and puts the old image back when it does not come to a good end. */
export async function deployRelease(work: ClusterWork, release: Release): Promise<Outcome> {
  const patched = await patchRelease(work, release);
  if ("outcome" in patched) return patched.outcome;
  const { images, before } = patched;
  const end = await follow(work, images);
  if (end.kind === "done" || end.kind === "manual") return succeed(work, release, end);
  // Without a patch nobody knows what was there before it.
  if (before === undefined) return { kind: "failed", reason: end.line, engine: "changed" };
  return putBack(work, before, end.line);
}

/** To an earlier release; when that is no good either, the later one is not what to go back to. */
export async function rollBackTo(work: ClusterWork, release: Release): Promise<Outcome> {
  const patched = await patchRelease(work, release);
  if ("outcome" in patched) return patched.outcome;
  const end = await follow(work, patched.images);
  if (end.kind === "done" || end.kind === "manual") return succeed(work, release, end);
  return { kind: "failed", reason: end.line, engine: "changed" };
}

function succeed(work: ClusterWork, { tag }: Release, { kind, line }: Rollout): Outcome {
  if (kind === "manual") return { kind: "succeeded", summary: `${describe(work)} has ${tag}: ${line}` };
  return { kind: "succeeded", summary: `${describe(work)} runs ${tag}: ${line}`, isConverged: true };
}

async function putBack(work: ClusterWork, before: Images, why: string): Promise<Outcome> {
  const old = [...before.values()].join(", ");
  work.context.log(`${why}; putting ${old} back`);
  const back = await patch(work, () => before, "statigo: rollback");
  if ("outcome" in back) {
    const reason = `${why}; ${old} could not be put back: ${reasonOf(back.outcome)}`;
    return { kind: "failed", reason, engine: "changed" };
  }
  work.progress.seen = "";
  const end = await follow(work, before);
  if (end.kind === "done") return { kind: "rolled-back", reason: `${why}; ${old} is back` };
  return { kind: "failed", reason: `${why}; ${old} is not healthy either: ${end.line}`, engine: "unknown" };
}

function reasonOf(outcome: Outcome): string {
  return "reason" in outcome ? outcome.reason : outcome.summary;
}

export function describe({ kind, name }: ClusterWork): string {
  return `the ${kinds[kind].kind} ${name}`;
}

type Patched = { images: Images; before: Images | undefined } | { outcome: Outcome };

async function patchRelease(work: ClusterWork, release: Release): Promise<Patched> {
  let problem = "";
  let before: Images | undefined;
  const result = await patch(
    work,
    (workload) => {
      const found = findPlaces(workload, work.wanted);
      problem = "problem" in found ? found.problem : pausedProblem(workload);
      if (problem !== "" || "problem" in found) return undefined;
      const images = imagesFor(found.places, release);
      const isThere = [...images].every(([place, image]) => place.image === image);
      before = isThere ? undefined : new Map(found.places.map((place) => [place, place.image]));
      return images;
    },
    `statigo: ${release.tag}`,
  );
  if (problem !== "") return { outcome: { kind: "failed", reason: problem, engine: "unchanged" } };
  return "outcome" in result ? result : { ...result, before };
}

/** A paused Deployment takes the change, and does nothing with it. */
export function pausedProblem({ metadata, spec }: Workload): string {
  return spec.paused === true
    ? `the Deployment ${metadata.name} is paused: \`kubectl rollout resume deployment/${metadata.name}\` first`
    : "";
}

/** Reads, changes and writes on the condition that nobody has written in between. */
async function patch(
  work: ClusterWork,
  choose: (workload: Workload) => Images | undefined,
  cause: string,
): Promise<{ images: Images } | { outcome: Outcome }> {
  const { context, progress } = work;
  for (let tries = 1; tries <= maximumTries; tries++) {
    const workload = await readWorkload(work);
    const images = choose(workload);
    if (images === undefined) return { images: new Map() };
    if ([...images].every(([place, image]) => hasImage(workload, place, image))) {
      context.log(`${describe(work)} has ${[...images.values()].join(", ")} already`);
      progress.engine = "changed";
      return { images };
    }
    for (const [{ name, image: old }, image] of images) context.log(`${name}: ${old} becomes ${image}`);
    const wasBefore = progress.engine;
    progress.engine = wasBefore === "changed" ? "changed" : "unknown";
    try {
      await sendPatch(work, patchFor(workload, images, cause));
      progress.engine = "changed";
      return { images };
    } catch (error) {
      if (!isConflict(error)) throw error;
      progress.engine = wasBefore;
    }
    // Its controller writes its status all the time: that is a conflict as well.
    await sleep(50 * tries, undefined, { signal: context.signal });
    context.log(`it was changed by somebody else meanwhile (try ${tries} of ${maximumTries})`);
  }
  const reason = `${describe(work)} kept being changed by somebody else; find out who writes it`;
  return { outcome: { kind: "failed", reason, isTemporary: true, engine: progress.engine } };
}

function hasImage(
  { spec }: Workload,
  { list, name }: { list: "containers" | "initContainers"; name: string },
  image: string,
): boolean {
  return spec.template.spec[list]?.some((one) => one.name === name && one.image === image) ?? false;
}

export function workloadPath({
  cluster,
  kind,
  name,
}: Pick<ClusterWork, "cluster" | "kind" | "name">): string {
  return `/apis/apps/v1/namespaces/${encodeURIComponent(cluster.namespace)}/${kinds[kind].resource}/${encodeURIComponent(name)}`;
}

export function readWorkload(work: ClusterWork): Promise<Workload> {
  return work.cluster.call({ path: workloadPath(work), signal: work.context.signal });
}

export function sendPatch(
  work: ClusterWork,
  body: object,
  query: Readonly<Record<string, string>> = {},
): Promise<Workload> {
  const path = workloadPath(work);
  return work.cluster.call({
    method: "PATCH",
    path,
    query: { fieldManager: "statigo", ...query },
    body,
    signal: work.context.signal,
  });
}

/** Often at first, then once a second: one small object. */
const firstPauseMs = 50;
const longestPauseMs = 1000;

async function follow(work: ClusterWork, images: Images): Promise<Rollout> {
  const { context, kind, stalledMs } = work;
  let troubles = "";
  let line = "";
  let betterAtMs = performance.now();
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 1.5)) {
    const workload = await insist(work, () => readWorkload(work));
    const rollout = judgeRollout(kind, workload);
    if (rollout.kind === "done" || rollout.kind === "manual") return rollout;
    if (rollout.line !== line) betterAtMs = performance.now();
    line = rollout.line;
    const found = (await readTroubles(work, workload.spec.selector, images)).join("; ");
    note(work, [rollout.line, ...(found === "" ? [] : [found])].join("; "));
    if (found !== "") troubles = found;
    const why = troubles === "" ? "" : `; ${troubles}`;
    if (rollout.kind === "failed")
      return { kind: "failed", line: `${describe(work)}: ${rollout.line}${why}` };
    // Only Deployments have a deadline of their own.
    if (performance.now() - betterAtMs > stalledMs)
      return {
        kind: "failed",
        line: `${describe(work)} has not come further for ${stalledMs / 1000} s: ${rollout.line}${why}`,
      };
    await sleep(pauseMs, undefined, { signal: context.signal });
  }
}

/** Whoever may not list pods gets no reasons, and a rollout all the same. */
async function readTroubles(work: ClusterWork, selector: LabelSelector, images: Images): Promise<string[]> {
  const { cluster, context } = work;
  const path = `/api/v1/namespaces/${encodeURIComponent(cluster.namespace)}/pods`;
  const query = { labelSelector: selectorText(selector) };
  try {
    const { items } = await cluster.call<{ items: Pod[] }>({ path, query, signal: context.signal });
    return describeTroubles(items, images);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return error.status === 403 ? ["why is not known: the hook may not list pods"] : [];
  }
}
