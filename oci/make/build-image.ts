import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { ImageError } from "../image-error.ts";
import type { ImageSink } from "../image-sink.ts";
import type { ImageSource } from "../image-source.ts";
import type { Descriptor } from "../manifest.ts";
import type { Progress } from "../progress.ts";
import type { ArchiveEntry } from "./archive.ts";
import type { BaseImage } from "./base-image.ts";
import type { LayerCompression } from "./compress.ts";
import { type ImageDescription, type JsonBlob, makeConfig, makeIndex, makeManifest } from "./image-parts.ts";
import { type BuiltLayer, diffIdOf, writeLayer } from "./layer-file.ts";
import type { LayerMemory } from "./layer-memory.ts";
import { type PlannedLayer, planLayers } from "./layer-plan.ts";

export interface BuildOptions {
  /** Of the site's folder. */
  entries: readonly ArchiveEntry[];
  /** One a platform; of several, an index is made. */
  bases: readonly BaseImage[];
  description: ImageDescription;
  compression: LayerCompression;
  /** A folder for this alone, which is there; the layers are written to it. */
  staging: string;
  /** Layers go there as soon as they are made; what it has already need not be made. */
  sink: ImageSink;
  memory: LayerMemory;
  progress: Progress;
  signal: AbortSignal;
}

/** An image whose site layers are in their sink already; the rest can be read from it as from any source. */
export interface BuiltImage extends ImageSource {
  top: JsonBlob;
}

type SiteLayer = BuiltLayer & { name: string; file?: string };

export async function buildImage(options: BuildOptions): Promise<BuiltImage> {
  const { bases, description, memory } = options;
  const layers = await makeLayers(options);
  await memory.keep(layers);
  const blobs = new Map<string, JsonBlob>();
  const manifests = bases.map((base) => {
    const config = makeConfig(base, layers, description);
    const all = [...base.layers, ...layers.map(({ descriptor }) => descriptor)];
    const manifest = makeManifest(config.descriptor, all, description.annotations);
    for (const blob of [config, manifest]) blobs.set(blob.descriptor.digest, blob);
    return { ...manifest, platform: base.platform };
  });
  const [only] = manifests;
  const top = manifests.length === 1 && only ? only : makeIndex(manifests, description.annotations);
  blobs.set(top.descriptor.digest, top);
  return sourceOf(top, blobs, layers, bases);
}

/** One after the other, each by all processors; while one is made, those before it are on their way. */
async function makeLayers(options: BuildOptions): Promise<SiteLayer[]> {
  const { sink, signal } = options;
  const layers: SiteLayer[] = [];
  const writing: Promise<void>[] = [];
  try {
    for (const planned of planLayers(placeSite(options))) {
      const layer = await makeLayer(planned, options);
      layers.push(layer);
      const { descriptor, file } = layer;
      if (file === undefined) continue;
      const written = sink.writeBlob(descriptor, async (start) => createReadStream(file, { start }), signal);
      written.catch(() => {});
      writing.push(written);
    }
    await Promise.all(writing);
  } finally {
    await Promise.allSettled(writing);
  }
  return layers;
}

/** Into the folder that the base's program serves, each of whose parents is named as well. */
function placeSite({ entries, bases, description }: BuildOptions): ArchiveEntry[] {
  const [folder = ""] = bases.map(({ config }) =>
    String(config["WorkingDir"] ?? "").replace(/^\/+|\/+$/g, ""),
  );
  if (folder === "") {
    throw new ImageError("the base image names no working directory to put the site into");
  }
  const common = { kind: "directory", mode: 0o755, sizeBytes: 0, target: "" } as const;
  const parts = folder.split("/");
  const parents = parts.map((_, index): ArchiveEntry => {
    return {
      ...common,
      path: parts.slice(0, index + 1).join("/"),
      modifiedSeconds: description.createdSeconds,
    };
  });
  return [...parents, ...entries.map((entry) => ({ ...entry, path: `${folder}/${entry.path}` }))];
}

async function makeLayer(
  { name, entries }: PlannedLayer,
  { sink, memory, compression, staging, progress, signal }: BuildOptions,
): Promise<SiteLayer> {
  const totalBytes = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const step = progress.begin(name, totalBytes);
  if (!memory.isEmpty) {
    const diffId = diffIdOf(entries, step);
    const descriptor = memory.find(diffId);
    if (descriptor !== undefined && (await sink.hasBlob(descriptor, signal))) {
      step.end("unchanged");
      return { name, diffId, descriptor };
    }
  }
  const layer = await writeLayer(entries, compression, staging, step, signal);
  step.end("built");
  return { name, ...layer };
}

function sourceOf(
  top: JsonBlob,
  blobs: ReadonlyMap<string, JsonBlob>,
  layers: readonly SiteLayer[],
  bases: readonly BaseImage[],
): BuiltImage {
  const files = new Map(layers.map(({ descriptor, file }) => [descriptor.digest, file]));

  async function openBlob(descriptor: Descriptor, signal: AbortSignal, startBytes = 0): Promise<Readable> {
    const { digest } = descriptor;
    const blob = blobs.get(digest);
    if (blob !== undefined) return Readable.from([blob.bytes.subarray(startBytes)]);
    const file = files.get(digest);
    if (file !== undefined) return createReadStream(file, { start: startBytes });
    const base = bases.find((one) => one.layers.some((layer) => layer.digest === digest));
    if (base === undefined) throw new ImageError(`${digest} is no part of what was built`);
    return base.openBlob(descriptor, signal, startBytes);
  }

  return {
    name: "the build",
    top,
    async readManifest(reference) {
      const blob = "digest" in reference ? blobs.get(reference.digest) : top;
      if (blob === undefined) throw new ImageError("the build has no such manifest");
      return { bytes: blob.bytes, mediaType: blob.descriptor.mediaType };
    },
    openBlob,
  };
}
