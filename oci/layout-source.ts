import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { ImageError } from "./image-error.ts";
import { describeReference, type ImageSource, type ManifestBytes, type Reference } from "./image-source.ts";
import { type Descriptor, type IndexEntry, parseManifest, quote } from "./manifest.ts";

const maximumJsonBytes = 4 * 1024 * 1024;

/** Images in a folder of the OCI image layout, as buildx, skopeo and `docker save` (25 and newer) write it. */
export function openLayout(folder: string, name = `the OCI layout ${folder}`): ImageSource {
  // The digest's grammar lets no path be made of it.
  const fileOf = (digest: string) => join(folder, "blobs", ...digest.split(":"));

  async function readIndex(): Promise<readonly IndexEntry[]> {
    const bytes = await readSmallFile(join(folder, "index.json"), name);
    const index = parseManifest(bytes, "application/vnd.oci.image.index.v1+json");
    return index.kind === "index" ? index.entries : [];
  }

  async function readManifest(reference: Reference): Promise<ManifestBytes> {
    const entries = await readIndex();
    const found =
      "tag" in reference
        ? findTag(entries, reference.tag)
        : entries.find(({ digest }) => digest === reference.digest);
    const digest = "digest" in reference ? reference.digest : found?.digest;
    if (digest === undefined)
      throw new ImageError(`${name} has no tag ${quote(describeReference(reference))}`);
    return { bytes: await readSmallFile(fileOf(digest), name), mediaType: found?.mediaType };
  }

  async function openBlob({ digest }: Descriptor, _: AbortSignal, startBytes = 0): Promise<Readable> {
    return createReadStream(fileOf(digest), { start: startBytes });
  }

  async function listTags(): Promise<string[]> {
    return (await readIndex()).flatMap((entry) => namesOf(entry).slice(0, 1).map(tagOf));
  }

  return { name, readManifest, openBlob, listTags };
}

function namesOf({ annotations }: IndexEntry): string[] {
  return ["org.opencontainers.image.ref.name", "io.containerd.image.name"]
    .map((key) => annotations[key])
    .filter((value) => typeof value === "string");
}

function tagOf(name: string): string {
  return name.slice(name.lastIndexOf(":") + 1);
}

/** Tools write the tag, or the whole name with it; one that was told no name writes a single image without any. */
function findTag(entries: readonly IndexEntry[], tag: string): IndexEntry | undefined {
  const found = entries.find((entry) =>
    namesOf(entry).some((value) => value === tag || value.endsWith(`:${tag}`)),
  );
  const [only] = entries;
  return (
    found ?? (entries.length === 1 && only !== undefined && namesOf(only).length === 0 ? only : undefined)
  );
}

export async function readSmallFile(file: string, name: string): Promise<Buffer> {
  try {
    const handle = await open(file);
    try {
      const { size } = await handle.stat();
      if (size > maximumJsonBytes) throw new ImageError(`${file} is too long`);
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof ImageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new ImageError(
      `${name}: ${file} ${code === "ENOENT" ? "is not there" : `cannot be read (${code})`}`,
    );
  }
}
