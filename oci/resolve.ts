import { readBlob } from "./blob.ts";
import { isDigest } from "./digest.ts";
import { fetchManifest } from "./fetch-manifest.ts";
import { ImageError } from "./image-error.ts";
import { describeReference, type ImageSource, type Reference } from "./image-source.ts";
import { type Descriptor, type Manifest, objectOf, parseJsonObject, parseManifest } from "./manifest.ts";
import { choosePlatform, describePlatform } from "./platform.ts";

/** An image whose manifest and config are read and checked, and whose layers are not yet fetched. */
export interface ResolvedImage {
  /** Of what the tag points to: the index, where there is one. */
  digest: string;
  config: Descriptor;
  layers: readonly Descriptor[];
  /** Of the layers' tar archives, without their compression, in the same order. */
  diffIds: readonly string[];
  /** The folder in which the image's program starts; "" where it names none. */
  workingDir: string;
}

export interface ResolveOptions {
  signal: AbortSignal;
  log(line: string): void;
  /** Of the image that is preferred in an index; this machine's where it is left out. */
  architecture?: string;
}

/** An index of an index is allowed, and nobody makes one of that. */
const maximumDepth = 3;

/** From a tag or a digest to an image for this machine, each step checked against the digest that named it. */
export async function resolveImage(
  source: ImageSource,
  reference: Reference,
  { signal, log, architecture }: ResolveOptions,
): Promise<ResolvedImage> {
  const top = await readManifest(source, reference, signal);
  let { manifest } = top;
  for (let depth = 1; manifest.kind === "index"; depth++) {
    const chosen = choosePlatform(manifest.entries, architecture);
    if (chosen === undefined || depth >= maximumDepth) {
      throw new ImageError(
        `${source.name} has an index without an image for ${describeReference(reference)}`,
      );
    }
    log(`taking ${describePlatform(chosen.platform)} of an index: ${chosen.digest}`);
    const { digest, mediaType } = chosen;
    manifest = (await readManifest(source, { digest }, signal, mediaType)).manifest;
  }
  const config = readConfig(await readBlob(source, manifest.config, signal));
  if (config.diffIds.length !== manifest.layers.length) {
    const { layers } = manifest;
    throw new ImageError(`the image has ${layers.length} layers, its config ${config.diffIds.length}`);
  }
  return { digest: top.digest, config: manifest.config, layers: manifest.layers, ...config };
}

async function readManifest(
  source: ImageSource,
  reference: Reference,
  signal: AbortSignal,
  known?: string,
): Promise<{ digest: string; manifest: Manifest }> {
  const { descriptor, bytes } = await fetchManifest(source, reference, signal, known);
  return { digest: descriptor.digest, manifest: parseManifest(bytes, descriptor.mediaType) };
}

function readConfig(bytes: Buffer): Pick<ResolvedImage, "diffIds" | "workingDir"> {
  const { rootfs, config } = parseJsonObject(bytes, "the image's config");
  const { diff_ids: diffIds } = objectOf(rootfs);
  if (!Array.isArray(diffIds) || !diffIds.every(isDigest)) {
    throw new ImageError("the image's config has no list of its layers' digests");
  }
  const { WorkingDir: workingDir } = objectOf(config);
  return { diffIds, workingDir: typeof workingDir === "string" ? workingDir : "" };
}
