import { createWriteStream, existsSync, statSync } from "node:fs";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { isImageArchive } from "../image-archive.ts";
import { ImageError } from "../image-error.ts";
import type { ImageSink, ManifestToWrite } from "../image-sink.ts";
import { type ArchiveEntry, archiveBlocks } from "../make/archive.ts";
import { comparePaths } from "../make/site-files.ts";
import { objectOf, parseJsonObject } from "../manifest.ts";
import { indexTypes } from "../media-type.ts";
import { thisArchitecture } from "../platform.ts";
import { type LayoutSinkOptions, openLayoutSink } from "./layout-sink.ts";
import { explainWriteError } from "./write-error.ts";

export interface SavedSinkOptions extends Omit<LayoutSinkOptions, "folder"> {
  file: string;
  /** A folder that is not there yet: all is collected in it first. */
  staging: string;
}

const archiveBlockBytes = 1024 * 1024;

/**
 * Images go into a tar file that is an OCI layout and what `docker save` writes at once: `docker load`, podman, skopeo
 * and crane read it. It is there once it is whole.
 */
export async function openSavedSink({
  file,
  staging,
  names,
  progress,
}: SavedSinkOptions): Promise<ImageSink> {
  requireReplaceable(file);
  const layout = await openLayoutSink({ folder: staging, names, progress });
  const images = new Map<string, Buffer>();

  async function writeManifest(manifest: ManifestToWrite, signal: AbortSignal): Promise<void> {
    images.set(manifest.descriptor.digest, manifest.bytes);
    await layout.writeManifest(manifest, signal);
  }

  async function finish(top: ManifestToWrite, signal: AbortSignal): Promise<void> {
    images.set(top.descriptor.digest, top.bytes);
    await layout.finish(top, signal);
    const fullNames = names.map(({ full }) => full).filter((full) => full !== undefined);
    const list = Buffer.from(JSON.stringify(dockerList(top, images, fullNames)));
    const entries = [...(await entriesOf(staging)), fileEntry("manifest.json", list.length, list)];
    const sorted = entries.toSorted((one, other) => comparePaths(one.path, other.path));
    const partial = `${file}.${process.pid}`;
    try {
      const blocks = archiveBlocks(sorted, archiveBlockBytes);
      await pipeline(Readable.from(blocks, { objectMode: false }), createWriteStream(partial), { signal });
      await rename(partial, file);
    } catch (error) {
      throw explainWriteError(error, file);
    } finally {
      await rm(partial, { force: true });
    }
  }

  return { ...layout, name: `the archive ${file}`, writeManifest, finish };
}

/** Said before anything is built: a file that is no image was put there by somebody for something else. */
function requireReplaceable(file: string): void {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined && !existsSync(dirname(file))) {
    throw new ImageError(`there is no folder ${dirname(file)} to write ${basename(file)} to: make it first`);
  }
  if (stats === undefined || (stats.isFile() && (stats.size === 0 || isImageArchive(file)))) return;
  if (stats.isDirectory()) throw new ImageError(`${file} is a folder, where an archive is a file`);
  throw new ImageError(
    `${file} is there and is no archive of images, which alone are written over: name another file`,
  );
}

/** Docker's own list, which it reads where there is one: of an index, the image for this machine. */
function dockerList(top: ManifestToWrite, images: ReadonlyMap<string, Buffer>, names: readonly string[]) {
  const { config, layers } = parseJsonObject(imageOf(top, images), "the manifest");
  const pathOf = (descriptor: unknown) => `blobs/${String(objectOf(descriptor)["digest"]).replace(":", "/")}`;
  return [
    {
      Config: pathOf(config),
      RepoTags: names,
      Layers: (Array.isArray(layers) ? layers : []).map(pathOf),
    },
  ];
}

function imageOf({ descriptor, bytes }: ManifestToWrite, images: ReadonlyMap<string, Buffer>): Buffer {
  if (!indexTypes.has(descriptor.mediaType)) return bytes;
  const { manifests } = parseJsonObject(bytes, "the index");
  const entries = (Array.isArray(manifests) ? manifests : []).map(objectOf);
  const isOwn = ({ platform }: Readonly<Record<string, unknown>>) =>
    objectOf(platform)["architecture"] === thisArchitecture();
  const chosen = entries.find(isOwn) ?? entries[0];
  return images.get(String(chosen?.["digest"])) ?? bytes;
}

async function entriesOf(folder: string): Promise<ArchiveEntry[]> {
  const names = await readdir(folder, { recursive: true });
  const entries = await Promise.all(
    names.map(async (path) => {
      const stats = await stat(join(folder, path));
      return stats.isDirectory() ? folderEntry(path) : fileEntry(path, stats.size, join(folder, path));
    }),
  );
  return entries;
}

const common = { target: "", modifiedSeconds: 0 };

function folderEntry(path: string): ArchiveEntry {
  return { ...common, path, kind: "directory", mode: 0o755, sizeBytes: 0 };
}

function fileEntry(path: string, sizeBytes: number, content: string | Buffer): ArchiveEntry {
  return { ...common, path, kind: "file", mode: 0o644, sizeBytes, content };
}
