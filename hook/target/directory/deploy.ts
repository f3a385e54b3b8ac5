import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ImageError } from "../../../oci/image-error.ts";
import type { ImageSource } from "../../../oci/image-source.ts";
import { openLayout } from "../../../oci/layout-source.ts";
import { describeBytes, type ImageLimits } from "../../../oci/limits.ts";
import { type ResolvedImage, resolveImage } from "../../../oci/resolve.ts";
import type { Template } from "../../config/template.ts";
import { explainConnectionError, isTemporaryConnectionError } from "../../http/connection-error.ts";
import type { ServiceRegistry } from "../../registry.ts";
import { isTag } from "../../trigger.ts";
import type { CheckContext, DeployContext, Outcome, Release } from "../target.ts";
import {
  addRelease,
  clearStaging,
  copyRelease,
  findObstacle,
  type KeptRelease,
  listReleases,
  prepareStaging,
  prune,
  readCurrent,
  type SiteFolder,
  switchTo,
} from "./site-folder.ts";

export interface DirectoryPlan {
  service: string;
  /** The image as the config has it. */
  image: string;
  site: SiteFolder;
  /** No `folder` in the config. */
  isDefaultFolder: boolean;
  /** The folder of the image; `undefined` for what the image says. */
  path: string | undefined;
  from: { layout: string } | { archive: Template; directory: string } | ServiceRegistry;
  keep: number;
  limits: ImageLimits;
}

/** Unpacks a release beside those that are there, and switches to it when it is whole and on the disk. */
export async function deployRelease(
  plan: DirectoryPlan,
  wanted: Release,
  context: DeployContext,
): Promise<Outcome> {
  try {
    // It becomes a folder's name.
    if (!isTag(wanted.tag)) throw new ImageError("what is to be deployed is no tag");
    await requireOwn(plan);
    const obstacle = await findObstacle(plan.site);
    if (obstacle !== undefined) throw new ImageError(obstacle);
    const known = await findKept(plan, wanted);
    const release = known ?? (await unpackRelease(plan, wanted, context));
    return await switchAndPrune(plan, release, context);
  } catch (error) {
    return explainFailure(error, plan, context);
  }
}

/**
 * Without a registry when the release is still there, which is what keeping it is for. Where the history has no digest,
 * the release of that tag that served last is meant, not what the tag is in the registry now.
 */
export async function rollBackTo(
  plan: DirectoryPlan,
  { tag, digest }: Release,
  context: DeployContext,
): Promise<Outcome> {
  context.log(`going back to ${tag}`);
  const isMeant = (release: KeptRelease) => release.tag === tag && release.image === plan.image;
  const kept = digest === null ? (await listReleases(plan.site)).find(isMeant) : undefined;
  return deployRelease(plan, { tag, digest: digest ?? kept?.digest ?? null }, context);
}

export async function currentRelease({ site }: DirectoryPlan): Promise<Release | undefined> {
  const current = await readCurrent(site);
  return current === undefined ? undefined : { tag: current.tag, digest: current.digest };
}

/** Two services in one folder would take each other's releases away. */
async function requireOwn({ site, service }: DirectoryPlan): Promise<void> {
  const other = (await listReleases(site)).find((release) => release.service !== service);
  if (other !== undefined) {
    throw new ImageError(
      `${site.path} has releases of the service ${other.service}: give ${service} its own folder`,
    );
  }
}

/** Only by its digest: a tag may have been pushed again. */
async function findKept(plan: DirectoryPlan, { tag, digest }: Release): Promise<KeptRelease | undefined> {
  if (digest === null) return undefined;
  const releases = await listReleases(plan.site);
  return releases.find((release) => isSame(release, plan, digest) && release.tag === tag);
}

function isSame(release: KeptRelease, { image, path }: DirectoryPlan, digest: string): boolean {
  return (
    release.digest === digest && release.image === image && (path === undefined || release.path === path)
  );
}

async function unpackRelease(
  plan: DirectoryPlan,
  { tag, digest }: Release,
  context: DeployContext,
): Promise<KeptRelease> {
  const { site, service, image: imageText, limits } = plan;
  const { signal, log } = context;
  const staging = await prepareStaging(site);
  try {
    const source = await openSource(plan, tag, staging, signal);
    const image = await resolveImage(source, digest === null ? { tag } : { digest }, { signal, log });
    const path = plan.path ?? sitePathOf(image);
    const record = { service, image: imageText, tag, digest: image.digest, path };
    const folder = join(staging, "site");
    const releases = await listReleases(site);
    const same = releases.find((release) => isSame(release, { ...plan, path }, image.digest));
    if (same?.tag === tag) return same;
    if (same !== undefined) {
      log(`${tag} is the image of ${same.tag}, which is unpacked already`);
      await copyRelease(site, same, folder);
    } else {
      // Loaded when it is first needed: a hook with other targets need not have it in memory.
      const { unpackImage } = await import("../../../oci/unpack.ts");
      const written = await unpackImage({ source, image, path, staging, folder, limits, signal, log });
      for (const omission of written.omissions.slice(0, 20)) log(`left out: ${omission}`);
      const files = written.files.length === 1 ? "1 file" : `${written.files.length} files`;
      log(`unpacked ${files} from ${path}, ${describeBytes(written.sizeBytes)}`);
    }
    signal.throwIfAborted();
    return await addRelease(site, folder, record);
  } finally {
    // What is left is removed by the next deployment.
    await clearStaging(site).catch(() => {});
  }
}

/** What a Dockerfile's WORKDIR says; the base image's is /www. */
function sitePathOf({ workingDir }: ResolvedImage): string {
  return workingDir === "" || workingDir === "/" ? "/www" : workingDir;
}

async function openSource(
  plan: DirectoryPlan,
  tag: string,
  staging: string,
  signal: AbortSignal,
): Promise<ImageSource> {
  const { from, limits } = plan;
  if ("layout" in from) return openLayout(from.layout);
  if (!("archive" in from)) return from.open(signal);
  const file = resolve(from.directory, from.archive.fill({ tag }));
  const options = { staging: join(staging, "archive"), maximumBytes: limits.downloadBytes, signal };
  const { openSavedImage } = await import("../../../oci/saved-source.ts");
  return openSavedImage(file, options);
}

/** The server looks at its root's link four times a second; when a probe is to see the release, it has to be there. */
const serverNoticesMs = 300;

async function switchAndPrune(
  { site, keep }: DirectoryPlan,
  release: KeptRelease,
  { log, signal }: DeployContext,
): Promise<Outcome> {
  const before = await readCurrent(site);
  signal.throwIfAborted();
  await switchTo(site, release);
  const removed = await prune(site, keep).catch((error: Error) => {
    log(`old releases could not be removed: ${error.message}`);
    return [];
  });
  if (removed.length > 0) log(`removed ${removed.join(", ")}`);
  const where = join(site.path, "current");
  if (before?.name === release.name)
    return { kind: "succeeded", summary: `${where} is ${release.name} already` };
  await sleep(serverNoticesMs);
  return { kind: "succeeded", summary: `${where} is now ${release.name}` };
}

/** All that can fail comes before the switch, which is one rename. */
function explainFailure(error: unknown, { from, site }: DirectoryPlan, { signal }: CheckContext): Outcome {
  const failed = (reason: string, isTemporary = false): Outcome => ({
    kind: "failed",
    reason,
    isTemporary,
    engine: "unchanged",
  });
  if (signal.aborted) return failed("stopped before it was unpacked", true);
  if (error instanceof ImageError) return failed(error.message, error.isTemporary);
  const { code = "", message, path } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT")
    return failed(`${site.path} is full: make room, then deploy it again`);
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return failed(`${path ?? site.path} cannot be written (${code}): whose is it?`);
  }
  if ("open" in from && path === undefined) {
    return failed(
      explainConnectionError(error, "the registry", "the image's registry"),
      isTemporaryConnectionError(error),
    );
  }
  return failed(`${site.path}: ${message}`);
}
