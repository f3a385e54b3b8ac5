import { createWriteStream } from "node:fs";
import { readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { checked } from "../blob.ts";
import { ImageError } from "../image-error.ts";
import type { ImageSink, ManifestToWrite, OpenBlob } from "../image-sink.ts";
import { readSmallFile } from "../layout-source.ts";
import { toJson } from "../make/image-parts.ts";
import { makeFolders } from "../make-folders.ts";
import { type Descriptor, objectOf, parseJsonObject } from "../manifest.ts";
import { ociIndexType } from "../media-type.ts";
import type { Progress } from "../progress.ts";
import { isTemporaryError, withPatience } from "../session.ts";
import { limitTo } from "./registry-sink.ts";
import { explainWriteError } from "./write-error.ts";

export interface LayoutSinkOptions {
  folder: string;
  /** What the image is called in it: its tag, and the whole name where there is one. */
  names: readonly ImageEntryName[];
  progress: Progress;
}

export interface ImageEntryName {
  tag: string;
  /** As `docker images` shows it: `docker.io/stut/blog:v1`. */
  full: string | undefined;
}

const layoutVersion = '{"imageLayoutVersion":"1.0.0"}';
const blobsAtOnce = 4;

/**
 * Images go into a folder of the OCI image layout, which is made where it is absent. Others in it stay, except of what
 * had the same name; the index is the last to be written.
 */
export async function openLayoutSink({ folder, names, progress }: LayoutSinkOptions): Promise<ImageSink> {
  await requireLayout(folder);
  const turn = limitTo(blobsAtOnce);
  const fileOf = (digest: string) => join(folder, "blobs", ...digest.split(":"));
  const writing = new Map<string, Promise<void>>();

  async function hasBlob({ digest, sizeBytes }: Descriptor): Promise<boolean> {
    const found = await stat(fileOf(digest)).catch(() => undefined);
    return found?.isFile() === true && found.size === sizeBytes;
  }

  function writeBlob(descriptor: Descriptor, open: OpenBlob, signal: AbortSignal): Promise<void> {
    const work = writing.get(descriptor.digest) ?? turn(() => write(descriptor, open, signal));
    writing.set(descriptor.digest, work);
    return work;
  }

  async function write(descriptor: Descriptor, open: OpenBlob, signal: AbortSignal): Promise<void> {
    if (await hasBlob(descriptor)) return;
    const step = progress.begin(`blob ${descriptor.digest.slice(7, 19)}`, descriptor.sizeBytes);
    const file = fileOf(descriptor.digest);
    const partial = `${file}.${process.pid}`;
    try {
      makeFolders(dirname(file));
      await withPatience(signal, async () => {
        let writtenBytes = 0;
        try {
          const target = createWriteStream(partial, { flags: "w" });
          const count = async function* (chunks: AsyncIterable<Buffer>) {
            for await (const chunk of checked(chunks, descriptor)) {
              step.add(chunk.length);
              writtenBytes += chunk.length;
              yield chunk;
            }
          };
          await pipeline(await open(0), count, target, { signal });
        } catch (error) {
          if (isTemporaryError(error)) step.add(-writtenBytes);
          throw error;
        }
      });
      await rename(partial, file);
    } catch (error) {
      throw explainWriteError(error, folder);
    } finally {
      await rm(partial, { force: true });
    }
    step.end("written");
  }

  async function writeManifest({ descriptor, bytes }: ManifestToWrite): Promise<void> {
    await replaceFile(fileOf(descriptor.digest), bytes).catch((error: unknown) => {
      throw explainWriteError(error, folder);
    });
  }

  async function finish(top: ManifestToWrite): Promise<void> {
    await writeManifest(top);
    try {
      await replaceFile(join(folder, "oci-layout"), layoutVersion);
      await replaceFile(join(folder, "index.json"), JSON.stringify(await addToIndex(folder, top, names)));
    } catch (error) {
      throw explainWriteError(error, folder);
    }
  }

  return { name: `the OCI layout ${folder}`, hasBlob, writeBlob, writeManifest, finish };
}

async function requireLayout(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === "ENOENT") return [];
    if (error.code === "ENOTDIR")
      throw new ImageError(`${folder} is a file, where an OCI layout is a folder`);
    throw error;
  });
  // Blobs alone are what a build or a pull left that was ended midway: the next one goes on from there.
  if (names.some((name) => name !== "blobs") && !names.includes("oci-layout")) {
    throw new ImageError(
      `${folder} has other things in it and is no OCI layout: name a folder that is absent`,
    );
  }
}

async function addToIndex(folder: string, top: ManifestToWrite, names: readonly ImageEntryName[]) {
  const added = names.map(({ tag, full }) => ({
    ...toJson(top.descriptor),
    annotations: {
      ...(full !== undefined && { "io.containerd.image.name": full }),
      "org.opencontainers.image.ref.name": tag,
    },
  }));
  const own = added.length > 0 ? added : [toJson(top.descriptor)];
  const kept = (await readEntries(folder)).filter((entry) => !own.some((one) => isReplaced(entry, one)));
  return { schemaVersion: 2, mediaType: ociIndexType, manifests: [...kept, ...own] };
}

type JsonEntry = { digest: string; annotations?: Readonly<Record<string, string>> };

/** By the same name, or the same image without any. */
function isReplaced(entry: unknown, own: JsonEntry): boolean {
  const { digest, annotations } = objectOf(entry);
  const keys = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
  const [full, tag] = keys.map((key) => objectOf(annotations)[key]);
  const [ownFull, ownTag] = keys.map((key) => own.annotations?.[key]);
  if (full === undefined && tag === undefined) return digest === own.digest;
  return tag === ownTag && (full === ownFull || full === undefined);
}

async function readEntries(folder: string): Promise<readonly unknown[]> {
  const file = join(folder, "index.json");
  if (!(await stat(file).catch(() => undefined))) return [];
  const { manifests } = parseJsonObject(await readSmallFile(file, `the OCI layout ${folder}`), file);
  return Array.isArray(manifests) ? manifests : [];
}

async function replaceFile(file: string, content: string | Buffer): Promise<void> {
  makeFolders(dirname(file));
  const partial = `${file}.${process.pid}`;
  await writeFile(partial, content);
  await rename(partial, file);
}
