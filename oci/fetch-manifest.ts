import { digestOf } from "./digest.ts";
import { ImageError } from "./image-error.ts";
import type { ManifestToWrite } from "./image-sink.ts";
import { describeReference, type ImageSource, type Reference } from "./image-source.ts";
import { parseJsonObject, quote } from "./manifest.ts";
import { imageTypes, indexTypes } from "./media-type.ts";

/**
 * A manifest or an index, checked against the digest that it was asked for by. `known` is the media type that an index
 * says it has.
 */
export async function fetchManifest(
  source: ImageSource,
  reference: Reference,
  signal: AbortSignal,
  known?: string,
): Promise<ManifestToWrite> {
  const { bytes, mediaType } = await source.readManifest(reference, signal);
  const wanted = "digest" in reference ? reference.digest : undefined;
  const digest = digestOf(bytes, wanted);
  if (wanted !== undefined && digest !== wanted) {
    // A page of a proxy in between, or half a manifest: the next answer may be whole.
    throw new ImageError(`the manifest that ${source.name} gave for ${wanted} is ${digest}`, {
      isTemporary: true,
    });
  }
  if (known !== undefined && mediaType !== undefined && known !== mediaType) {
    throw new ImageError(`${digest} is ${known} in the index, and ${mediaType} for ${source.name}`);
  }
  const type = known ?? mediaType ?? parseJsonObject(bytes, "the manifest")["mediaType"];
  if (typeof type !== "string" || !(indexTypes.has(type) || imageTypes.has(type))) {
    throw new ImageError(
      `${describeReference(reference)} of ${source.name} has the media type ${quote(type)}, which is not an image's`,
    );
  }
  return { descriptor: { mediaType: type, digest, sizeBytes: bytes.length }, bytes };
}
