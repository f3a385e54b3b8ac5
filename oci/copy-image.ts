import { fetchManifest } from "./fetch-manifest.ts";
import { ImageError } from "./image-error.ts";
import type { ImageSink, ManifestToWrite } from "./image-sink.ts";
import { describeReference, type ImageSource, type Reference } from "./image-source.ts";
import { type Descriptor, objectOf, parseJsonObject, readDescriptor } from "./manifest.ts";
import { indexTypes } from "./media-type.ts";

export interface CopyOptions {
  source: ImageSource;
  reference: Reference;
  sink: ImageSink;
  /** Take this platform's image of an index alone. */
  architecture?: string | undefined;
  signal: AbortSignal;
}

/** An index of an index is allowed, and nobody makes one of that. */
const maximumDepth = 3;
const maximumChildren = 1024;

/**
 * Copies an image, or an index with all its images, as it is: first what the manifests name, then the manifests, at
 * last what the tag points to; so whoever looks finds the image before or the whole new one. Resolves to what was
 * copied.
 */
export async function copyImage(options: CopyOptions): Promise<Descriptor> {
  const { source, reference, sink, architecture, signal } = options;
  let top = await fetchManifest(source, reference, signal);
  for (let depth = 0; architecture !== undefined && indexTypes.has(top.descriptor.mediaType); depth++) {
    const chosen = childrenOf(top).find((entry) => entry.architecture === architecture);
    if (chosen === undefined || depth >= maximumDepth) {
      throw new ImageError(
        `${source.name} has no image for ${architecture} in ${describeReference(reference)}`,
      );
    }
    top = await fetchManifest(source, chosen, signal, chosen.mediaType);
  }
  await copyParts(top, options, 0);
  await sink.finish(top, signal);
  return top.descriptor;
}

async function copyParts(manifest: ManifestToWrite, options: CopyOptions, depth: number): Promise<void> {
  const { source, sink, signal } = options;
  if (depth > maximumDepth) throw new ImageError(`${source.name} has an index in an index without end`);
  if (indexTypes.has(manifest.descriptor.mediaType)) {
    for (const child of childrenOf(manifest)) {
      const below = await fetchManifest(source, child, signal, child.mediaType);
      await copyParts(below, options, depth + 1);
      await sink.writeManifest(below, signal);
    }
    return;
  }
  const blobs = blobsOf(manifest).map((blob) =>
    sink.writeBlob(blob, (start) => source.openBlob(blob, signal, start), signal),
  );
  try {
    await Promise.all(blobs);
  } finally {
    await Promise.allSettled(blobs);
  }
}

function childrenOf({ bytes }: ManifestToWrite): (Descriptor & { architecture: unknown })[] {
  const { manifests } = parseJsonObject(bytes, "the index");
  if (!Array.isArray(manifests) || manifests.length > maximumChildren) {
    throw new ImageError(`the index has no list of at most ${maximumChildren} manifests`);
  }
  return manifests.map((entry: unknown) => ({
    ...readDescriptor(entry, "a manifest of the index"),
    architecture: objectOf(objectOf(entry)["platform"])["architecture"],
  }));
}

/** Layers that are to be fetched from elsewhere are not in the registry, and have no place in another. */
function blobsOf({ bytes }: ManifestToWrite): Descriptor[] {
  const { config, layers } = parseJsonObject(bytes, "the manifest");
  const kept = (Array.isArray(layers) ? layers : []).filter((layer) => objectOf(layer)["urls"] === undefined);
  const all = [config, ...kept].map((blob) => readDescriptor(blob, "a part of the image"));
  return [...new Map(all.map((blob) => [blob.digest, blob])).values()];
}
