import { readBlob } from "./blob.ts";
import { fetchManifest } from "./fetch-manifest.ts";
import { ImageError } from "./image-error.ts";
import type { ManifestToWrite } from "./image-sink.ts";
import type { ImageSource, Reference } from "./image-source.ts";
import { objectOf, parseJsonObject, parseManifest } from "./manifest.ts";
import { describePlatform, isImage } from "./platform.ts";

/** What an image says of itself; nothing of it is more than a claim but the digests. */
export interface ImageSummary {
  digest: string;
  mediaType: string;
  /** Of the manifest or index. */
  bytes: Buffer;
  platforms: readonly PlatformSummary[];
}

export interface PlatformSummary {
  platform: string;
  digest: string;
  manifest: JsonManifest;
  config: JsonConfig;
}

/** As the image specification spells it; only what is read here. */
export interface JsonManifest {
  layers: readonly { digest: string; size: number; mediaType: string }[];
  annotations?: Readonly<Record<string, string>>;
}

export interface JsonConfig {
  created?: string;
  config?: {
    User?: string;
    Entrypoint?: readonly string[];
    Env?: readonly string[];
    Cmd?: readonly string[];
    WorkingDir?: string;
    ExposedPorts?: object;
    Healthcheck?: { Test?: readonly string[] };
    Labels?: Readonly<Record<string, string>>;
  };
}

/** Reads manifests and configs, each checked against its digest, and no layer. */
export async function describeImage(
  source: ImageSource,
  reference: Reference,
  signal: AbortSignal,
): Promise<ImageSummary> {
  const top = await fetchManifest(source, reference, signal);
  const { digest, mediaType } = top.descriptor;
  const parsed = parseManifest(top.bytes, mediaType);
  const entries = parsed.kind === "index" ? parsed.entries.filter(isImage) : [];
  const below = await Promise.all(
    entries.map((entry) => fetchManifest(source, { digest: entry.digest }, signal, entry.mediaType)),
  );
  const manifests = parsed.kind === "image" ? [top] : below;
  const platforms = await Promise.all(manifests.map((manifest) => describeOne(source, manifest, signal)));
  return { digest, mediaType, bytes: top.bytes, platforms };
}

async function describeOne(
  source: ImageSource,
  { descriptor, bytes }: ManifestToWrite,
  signal: AbortSignal,
): Promise<PlatformSummary> {
  const parsed = parseManifest(bytes, descriptor.mediaType);
  if (parsed.kind === "index") throw new ImageError(`${source.name} has an index in an index`);
  const config = parseJsonObject(await readBlob(source, parsed.config, signal), "the image's config");
  const text = (value: unknown) => (typeof value === "string" ? value : "");
  const { os, architecture, variant } = config;
  return {
    platform: describePlatform({ os: text(os), architecture: text(architecture), variant: text(variant) }),
    digest: descriptor.digest,
    manifest: parseJsonObject(bytes, "the manifest") as unknown as JsonManifest,
    config: { ...config, config: objectOf(config["config"]) } as JsonConfig,
  };
}
