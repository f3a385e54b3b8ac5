import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Header } from "tar-stream";
import { digestOf, finishDigest, hashFor } from "./digest.ts";
import { ImageError } from "./image-error.ts";
import { describeReference, type ImageSource, type ManifestBytes, type Reference } from "./image-source.ts";
import { openLayout, readSmallFile } from "./layout-source.ts";
import { describeBytes } from "./limits.ts";
import { type Descriptor, objectOf, quote } from "./manifest.ts";
import { isTarError, readTar, type TarContent } from "./tar.ts";

export interface SavedImageOptions {
  /** A folder for its parts that is not there yet. */
  staging: string;
  maximumBytes: number;
  signal: AbortSignal;
}

/** All that an archive of images has in it; anything else is not written. */
const knownMember =
  /^(?:index\.json|oci-layout|manifest\.json|blobs\/sha(?:256|512)\/[0-9a-f]{64,128}|[0-9a-f]{64}\.json|[0-9a-f]{64}\/layer\.tar|[0-9a-f]{64}\.tar)$/;
const maximumMembers = 10_000;

/**
 * Images in a tar file: what `docker save` writes, in its old form and the new one (Docker 25, containerd), and what
 * `buildx --output type=oci` writes. It is unpacked into the staging folder first.
 */
export async function openSavedImage(file: string, options: SavedImageOptions): Promise<ImageSource> {
  const name = `the archive ${file}`;
  await mkdir(options.staging, { mode: 0o700 });
  const links = await unpackMembers(file, name, options);
  const isLayout = await stat(join(options.staging, "index.json")).then(
    () => true,
    () => false,
  );
  return isLayout ? openLayout(options.staging, name) : openOldForm(options.staging, name, links);
}

/** Gives what is a link in the archive: the old form has a layer that two images share as one. */
async function unpackMembers(
  file: string,
  name: string,
  { staging, maximumBytes, signal }: SavedImageOptions,
): Promise<Map<string, string>> {
  const links = new Map<string, string>();
  let members = 0;
  let leftBytes = maximumBytes;
  const onMember = async ({ name: given, type, size, linkname }: Header, content: TarContent) => {
    const path = given.replace(/^\.\//, "");
    members += 1;
    if (members > maximumMembers) throw new ImageError(`${name} has more than ${maximumMembers} members`);
    if (!knownMember.test(path)) return;
    if (type === "file") {
      leftBytes -= size;
      if (leftBytes < 0)
        throw new ImageError(`${name} has more than the ${describeBytes(maximumBytes)} allowed`);
      await mkdir(dirname(join(staging, path)), { recursive: true });
      await pipeline(content, createWriteStream(join(staging, path), { mode: 0o600 }), { signal });
    } else if (type === "symlink" || type === "link") {
      const target = type === "link" ? linkname : posix.join(posix.dirname(path), linkname);
      if (knownMember.test(target)) links.set(path, target);
    }
  };
  const stream = createReadStream(file);
  try {
    await readTar(stream, signal, onMember);
  } catch (error) {
    signal.throwIfAborted();
    throw explain(error as NodeJS.ErrnoException, name);
  } finally {
    stream.destroy();
  }
  return links;
}

function explain(error: NodeJS.ErrnoException, name: string): Error {
  if (error instanceof ImageError) return error;
  if (error.code === "ENOENT") return new ImageError(`${name} is not there`);
  if (error.code === "EACCES") return new ImageError(`${name} may not be read`);
  return isTarError(error) ? new ImageError(`${name} is not a whole tar archive (${error.message})`) : error;
}

interface OldImage {
  config: string;
  layers: readonly string[];
  tags: readonly string[];
}

/**
 * Docker's form before version 25 has no manifest; so one is made, whose digests are of what is there. Its layers are
 * checked against the config, whose digest is the image's id.
 */
async function openOldForm(
  folder: string,
  name: string,
  links: ReadonlyMap<string, string>,
): Promise<ImageSource> {
  const images = readOldManifest(await readSmallFile(join(folder, "manifest.json"), name), name);
  const fileOf = (path: string) => join(folder, links.get(path) ?? path);
  const files = new Map<string, string>();
  const describe = async (path: string, mediaType: string): Promise<Descriptor & { size: number }> => {
    const file = fileOf(path);
    const { digest, sizeBytes } = await measureFile(file, name);
    files.set(digest, file);
    return { mediaType, digest, sizeBytes, size: sizeBytes };
  };

  async function readManifest(reference: Reference): Promise<ManifestBytes> {
    for (const { config: configPath, layers, tags } of images) {
      const isWanted =
        "tag" in reference && (tags.includes(reference.tag) || (tags.length === 0 && images.length === 1));
      if ("tag" in reference && !isWanted) continue;
      const config = await describe(configPath, "application/vnd.docker.container.image.v1+json");
      const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
      const described: Descriptor[] = [];
      for (const layer of layers) {
        described.push(await describe(layer, "application/vnd.docker.image.rootfs.diff.tar"));
      }
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: described }));
      if (isWanted || ("digest" in reference && digestOf(bytes) === reference.digest))
        return { bytes, mediaType };
    }
    throw new ImageError(`${name} has no ${quote(describeReference(reference))}`);
  }

  async function openBlob({ digest }: Descriptor, _: AbortSignal, startBytes = 0): Promise<Readable> {
    const file = files.get(digest);
    if (file === undefined) throw new ImageError(`${name} has no ${digest}`);
    return createReadStream(file, { start: startBytes });
  }

  const listTags = async () => images.flatMap(({ tags }) => tags);

  return { name, readManifest, openBlob, listTags };
}

function readOldManifest(bytes: Buffer, name: string): OldImage[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString("utf8"));
  } catch {
    parsed = undefined;
  }
  if (!Array.isArray(parsed)) throw new ImageError(`${name} has no list of images in its manifest.json`);
  return parsed.map((entry: unknown) => {
    const { Config: config, Layers: layers, RepoTags: tags } = objectOf(entry);
    const paths = [config, ...(Array.isArray(layers) ? layers : [])];
    if (!paths.every((path) => typeof path === "string" && knownMember.test(path))) {
      throw new ImageError(`${name} names files in its manifest.json that no image has`);
    }
    const [configPath = "", ...layerPaths] = paths as string[];
    const names = (Array.isArray(tags) ? tags : []).filter((tag) => typeof tag === "string");
    return {
      config: configPath,
      layers: layerPaths,
      tags: names.map((tag) => tag.slice(tag.lastIndexOf(":") + 1)),
    };
  });
}

async function measureFile(file: string, name: string): Promise<{ digest: string; sizeBytes: number }> {
  const hash = hashFor("sha256:");
  let sizeBytes = 0;
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      sizeBytes += chunk.length;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new ImageError(`${name} lacks a file that its manifest.json names`);
  }
  return { digest: finishDigest(hash, "sha256:"), sizeBytes };
}
