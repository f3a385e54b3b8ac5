import { isDigest } from "./digest.ts";
import { ImageError } from "./image-error.ts";
import { compressionOf, configTypes, imageTypes, indexTypes } from "./media-type.ts";

/** Names content by its digest and its length. */
export interface Descriptor {
  mediaType: string;
  digest: string;
  sizeBytes: number;
}

export interface Platform {
  os: string;
  architecture: string;
  variant: string;
}

/** One entry of an index. */
export interface IndexEntry extends Descriptor {
  platform: Platform | undefined;
  annotations: Readonly<Record<string, unknown>>;
}

export type Manifest =
  | { kind: "index"; entries: readonly IndexEntry[] }
  | { kind: "image"; config: Descriptor; layers: readonly Descriptor[] };

/** Docker stops at 127 layers. */
const maximumLayers = 256;
const maximumEntries = 1024;

type JsonObject = Readonly<Record<string, unknown>>;

/** Reads a manifest or an index. `given` is the media type that its bearer says it has. */
export function parseManifest(bytes: Uint8Array, given: string | undefined): Manifest {
  const body = parseJsonObject(bytes, "the manifest");
  const { mediaType } = body;
  if (mediaType !== undefined && given !== undefined && mediaType !== given) {
    throw new ImageError(`the manifest is ${quote(given)} for its bearer and ${quote(mediaType)} for itself`);
  }
  const type = given ?? mediaType;
  // What could be read as either is how one image is checked and another one unpacked (CVE-2021-41190).
  if (body["manifests"] !== undefined && (body["layers"] !== undefined || body["config"] !== undefined)) {
    throw new ImageError("the manifest is an index and an image at the same time");
  }
  if (body["schemaVersion"] !== 2) throw new ImageError("the manifest's schemaVersion is not 2");
  if (typeof type === "string" && indexTypes.has(type)) return { kind: "index", entries: readEntries(body) };
  if (typeof type === "string" && imageTypes.has(type)) return readImage(body);
  throw new ImageError(`the manifest's media type ${quote(type)} is not an image's`);
}

function readEntries({ manifests }: JsonObject): IndexEntry[] {
  if (!Array.isArray(manifests) || manifests.length > maximumEntries) {
    throw new ImageError(`the index has no list of at most ${maximumEntries} manifests`);
  }
  return manifests.map((entry: unknown) => {
    const { platform, annotations } = objectOf(entry);
    const { os, architecture, variant } = objectOf(platform);
    return {
      ...readDescriptor(entry, "a manifest of the index"),
      platform:
        typeof os === "string" && typeof architecture === "string"
          ? { os, architecture, variant: typeof variant === "string" ? variant : "" }
          : undefined,
      annotations: objectOf(annotations),
    };
  });
}

function readImage(body: JsonObject): Manifest {
  const config = readDescriptor(body["config"], "the image's config");
  if (!configTypes.has(config.mediaType)) {
    throw new ImageError(`it is no container image: its config is ${quote(config.mediaType)}`);
  }
  const { layers } = body;
  if (!Array.isArray(layers) || layers.length === 0 || layers.length > maximumLayers) {
    throw new ImageError(`the image has no list of 1 to ${maximumLayers} layers`);
  }
  return { kind: "image", config, layers: layers.map(readLayer) };
}

function readLayer(layer: unknown, index: number): Descriptor {
  const what = `layer ${index + 1}`;
  const descriptor = readDescriptor(layer, what);
  if (compressionOf(descriptor.mediaType) === undefined) {
    throw new ImageError(`${what} is ${quote(descriptor.mediaType)}, which is not unpacked here`);
  }
  // Whoever can push could have the hook ask any address.
  if (objectOf(layer)["urls"] !== undefined) throw new ImageError(`${what} is to be fetched from elsewhere`);
  return descriptor;
}

export function readDescriptor(value: unknown, what: string): Descriptor {
  const { mediaType, digest, size } = objectOf(value);
  if (typeof mediaType !== "string") throw new ImageError(`${what} has no media type`);
  if (!isDigest(digest)) throw new ImageError(`${what} has no digest that can be checked: ${quote(digest)}`);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw new ImageError(`${what} has no size`);
  }
  return { mediaType, digest, sizeBytes: size };
}

export function parseJsonObject(bytes: Uint8Array, what: string): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new ImageError(`${what} is not JSON`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new ImageError(`${what} is not a JSON object`);
  }
  return parsed as JsonObject;
}

export function objectOf(value: unknown): JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** What an image says of itself is shown in logs: short, and without anything that a terminal obeys. */
export function quote(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
  const shown = text.length > 120 ? `${text.slice(0, 120)}…` : text;
  return JSON.stringify(shown).replace(
    /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
