import { mkdir, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { saveBlob } from "./blob.ts";
import { ImageError } from "./image-error.ts";
import type { ImageSource } from "./image-source.ts";
import { ImageTree } from "./image-tree.ts";
import { budgetOf, type LayerEntry, type LayerFile, readLayer } from "./layer.ts";
import { describeBytes, type ImageLimits } from "./limits.ts";
import type { Descriptor } from "./manifest.ts";
import { compressionOf } from "./media-type.ts";
import type { ResolvedImage } from "./resolve.ts";
import { planSite, type SitePlan } from "./site-plan.ts";
import { writeSite } from "./site-writer.ts";

export interface UnpackOptions {
  source: ImageSource;
  image: ResolvedImage;
  /** The folder of the image that is wanted. */
  path: string;
  /** A folder for this alone, which is there; layers are kept in it meanwhile. */
  staging: string;
  /** Where the files go: a folder that is not there yet. */
  folder: string;
  limits: ImageLimits;
  signal: AbortSignal;
  log(line: string): void;
}

/**
 * Fetches the layers, and writes one folder of the image that they make. Everything is checked before the first file
 * is written: digests of what was fetched, digests of the archives in it, and where every name and link leads.
 */
export async function unpackImage(options: UnpackOptions): Promise<SitePlan> {
  const { staging, folder, limits, signal, path } = options;
  const layers = await fetchLayers(options);
  const plan = planSite(await readTree(layers, limits, signal), path, limits.siteBytes);
  await requireSpace(staging, plan.sizeBytes);
  await writeSite(plan, layers, folder, limits, signal);
  await Promise.all(layers.map(({ file }) => rm(file, { force: true })));
  return plan;
}

async function fetchLayers({
  source,
  image,
  staging,
  limits,
  signal,
  log,
}: UnpackOptions): Promise<LayerFile[]> {
  const distinct = new Map(image.layers.map((layer) => [layer.digest, layer]));
  const totalBytes = [...distinct.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (totalBytes > limits.downloadBytes) {
    throw new ImageError(
      `the image's layers have ${describeBytes(totalBytes)}, more than the ${describeBytes(limits.downloadBytes)} that are allowed`,
    );
  }
  await requireSpace(staging, totalBytes);
  log(`fetching ${distinct.size} layers, ${describeBytes(totalBytes)}, from ${source.name}`);
  const folder = join(staging, "layers");
  await mkdir(folder, { mode: 0o700 });
  const fileOf = ({ digest }: Descriptor) => join(folder, digest.replace(":", "-"));
  for (const layer of distinct.values()) await fetchPatiently(source, layer, fileOf(layer), signal, log);
  return image.layers.map((layer, index) => ({
    file: fileOf(layer),
    compression: compressionOf(layer.mediaType) ?? "none",
    diffId: image.diffIds[index] ?? "",
  }));
}

const maximumTries = 4;
const firstPauseMs = 250;
const temporaryCodes = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "ECONNABORTED",
]);

/** A connection that breaks once in a large layer must not cost the others, which are there already. */
async function fetchPatiently(
  source: ImageSource,
  layer: Descriptor,
  file: string,
  signal: AbortSignal,
  log: (line: string) => void,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await saveBlob(source, layer, file, signal);
    } catch (error) {
      signal.throwIfAborted();
      const { code = "", message } = error as NodeJS.ErrnoException;
      const isTemporary = error instanceof ImageError ? error.isTemporary : temporaryCodes.has(code);
      if (!isTemporary || tries >= maximumTries) throw error;
      const pauseMs = firstPauseMs * 2 ** (tries - 1);
      log(`${message}; fetching ${layer.digest} again in ${pauseMs / 1000} s`);
      await sleep(pauseMs, undefined, { signal });
    }
  }
}

async function readTree(
  layers: readonly LayerFile[],
  limits: ImageLimits,
  signal: AbortSignal,
): Promise<ImageTree> {
  const tree = new ImageTree(limits.entries);
  const budget = budgetOf(limits);
  for (const [index, layer] of layers.entries()) {
    const entries: LayerEntry[] = [];
    await readLayer(layer, budget, signal, (entry) => void entries.push(entry));
    tree.addLayer(entries, index);
  }
  return tree;
}

/** Said before, not found out half-way with a full disk, which others need as well. */
async function requireSpace(folder: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  throw new ImageError(
    `${folder} has ${describeBytes(freeBytes)} left, and ${describeBytes(neededBytes)} are needed: make room, then deploy it again`,
  );
}
