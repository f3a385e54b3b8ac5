import type { Credentials } from "../../../oci/credentials.ts";
import type { ImageName } from "../../../oci/reference.ts";
import type { ContainerConfig } from "../../engine-api/containers.ts";
import type { Engine } from "../../engine-api/engine.ts";
import { EngineError } from "../../engine-api/error.ts";
import {
  digestIn,
  findImage,
  type Image,
  pullImage,
  referenceOf,
  tagImage,
} from "../../engine-api/images.ts";
import type { Release } from "../target.ts";

export interface ImageWish {
  name: ImageName;
  release: Release;
  pull: "always" | "missing" | "never";
  /** Asked for only when something is pulled. */
  credentials(signal: AbortSignal): Promise<Credentials | undefined>;
  signal: AbortSignal;
  log(line: string): void;
}

export interface ReadyImage {
  id: string;
  /** What a container is made from: it says which tag it was, and cannot become another image. */
  reference: string;
  digest: string | null;
  config: ContainerConfig;
}

/** Has the Engine have the release's image, by its digest where that is known. */
export async function makeImageReady(engine: Engine, wish: ImageWish): Promise<ReadyImage> {
  const { name, release, signal } = wish;
  const version = release.digest ?? release.tag;
  // What has the digest is the image; what has the tag may be an older one.
  const here = await findImage(engine, referenceOf(name, version), { signal });
  const isEnough = here !== undefined && (release.digest !== null || wish.pull !== "always");
  const image = isEnough ? here : await fetchImage(engine, version, wish);
  const digest = release.digest ?? digestIn(image, name);
  const tagged = `${name.text}:${release.tag}`;
  // Podman takes no reference that has both, and the tag is for people, also in the list of images.
  if (!image.RepoTags?.includes(tagged)) await tagImage(engine, image.Id, { name, tag: release.tag, signal });
  const reference = digest === null || engine.isPodman ? tagged : `${tagged}@${digest}`;
  return { id: image.Id, reference, digest, config: image.Config ?? {} };
}

async function fetchImage(engine: Engine, version: string, wish: ImageWish): Promise<Image> {
  const { name, pull, signal, log } = wish;
  const reference = referenceOf(name, version);
  if (pull === "never") {
    const message = `the Engine at ${engine.where} does not have ${reference}, and \`pull: never\` forbids to pull it`;
    throw new EngineError(message, { isTemporary: false, hasNoEffect: true });
  }
  log(`pulling ${reference}`);
  const startedMs = performance.now();
  const credentials = await wish.credentials(signal);
  const layers = await pullImage(engine, { name, version, credentials, signal });
  const image = await findImage(engine, reference, { signal });
  if (image === undefined) {
    const message = `the Engine at ${engine.where} says that it has pulled ${reference}, and does not have it`;
    throw new EngineError(message, { isTemporary: true, hasNoEffect: true });
  }
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  log(`pulled ${reference} in ${seconds} s: ${layers} new ${layers === 1 ? "layer" : "layers"}`);
  return image;
}
