import { createReadStream } from "node:fs";
import { type Duplex, PassThrough, pipeline } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import type { Header } from "tar-stream";
import { finishDigest, hashFor } from "./digest.ts";
import { ImageError } from "./image-error.ts";
import { describeBytes, type ImageLimits } from "./limits.ts";
import { quote } from "./manifest.ts";
import type { Compression } from "./media-type.ts";
import { isTarError, readTar, type TarContent } from "./tar.ts";

/** A layer that was fetched, and what its archive has to be. */
export interface LayerFile {
  file: string;
  compression: Compression;
  diffId: string;
}

export type EntryType = "file" | "directory" | "symlink" | "hardlink" | "special";

export interface LayerEntry {
  /** As the archive has it. */
  name: string;
  type: EntryType;
  /** Of links. */
  target: string;
  sizeBytes: number;
  mode: number;
  mtimeMs: number;
}

/** What is left of a number of bytes or entries that several layers share. */
export interface Budget {
  unpackedBytes: number;
  entries: number;
  /** Of all names and link targets, which are kept in memory. */
  nameBytes: number;
}

/** Thousand times what a site has, 20 times what a large base image has. */
const maximumNameBytes = 64 * 1024 * 1024;

export function budgetOf({ unpackedBytes, entries }: ImageLimits): Budget {
  return { unpackedBytes, entries, nameBytes: maximumNameBytes };
}

/** Linux takes no longer path; a name as long as an archive may hold (4 MiB) would only be memory. */
const maximumPathBytes = 4096;

const entryTypes: Readonly<Record<string, EntryType>> = {
  file: "file",
  "contiguous-file": "file",
  directory: "directory",
  symlink: "symlink",
  link: "hardlink",
  "character-device": "special",
  "block-device": "special",
  fifo: "special",
};

/**
 * Reads a layer's archive from its first byte to its last. `onEntry` gets each entry; it may read its content, of
 * which the rest is skipped. Throws ImageError when the archive is not what its diff ID says, or not to be unpacked.
 */
export async function readLayer(
  layer: LayerFile,
  budget: Budget,
  signal: AbortSignal,
  onEntry: (entry: LayerEntry, content: TarContent) => Promise<void> | void,
): Promise<void> {
  const hash = hashFor(layer.diffId);
  const count = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      budget.unpackedBytes -= chunk.length;
      if (budget.unpackedBytes < 0) throw new ImageError("the image's layers unpack to more than is allowed");
      hash.update(chunk);
      yield chunk;
    }
  };
  // What fails in either comes out of the last as an error.
  const plain = pipeline(createReadStream(layer.file), decompressor(layer), () => {});
  try {
    await readTar(count(plain), signal, async (header, content) => {
      budget.entries -= 1;
      if (budget.entries < 0) throw new ImageError("the image has more files than are allowed");
      const entry = readEntry(header);
      budget.nameBytes -= entry.name.length + entry.target.length;
      if (budget.nameBytes < 0) throw new ImageError("the image's names are longer than is allowed");
      await onEntry(entry, content);
    });
  } catch (error) {
    signal.throwIfAborted();
    throw explain(error, layer);
  } finally {
    plain.destroy();
  }
  const found = finishDigest(hash, layer.diffId);
  if (found !== layer.diffId) throw new ImageError(`a layer unpacks to ${found}, not to ${layer.diffId}`);
}

function decompressor({ compression }: LayerFile): Duplex {
  switch (compression) {
    case "gzip":
      return createGunzip();
    case "zstd":
      return createZstdDecompress();
    case "none":
      return new PassThrough();
  }
}

function explain(error: unknown, { diffId }: LayerFile): unknown {
  if (error instanceof ImageError) return error;
  const { code = "", message } = error as NodeJS.ErrnoException;
  if (/^Z_|^ZSTD_|^ERR_ZLIB/.test(code)) return new ImageError(`the layer ${diffId} cannot be decompressed`);
  if (isTarError(error)) {
    return new ImageError(`the layer ${diffId} is not a whole tar archive (${message})`);
  }
  return error;
}

function readEntry(header: Header): LayerEntry {
  const { name, size, mode, mtime } = header;
  const target = header.linkname ?? "";
  const type = entryTypes[(header.type as string | null) ?? ""];
  if (type === undefined) throw new ImageError(`${quote(name)} in a layer is of a kind that is not unpacked`);
  const extensions = Object.keys((header.pax as object | null | undefined) ?? {});
  if (extensions.some((key) => key.startsWith("GNU.sparse."))) {
    throw new ImageError(`${quote(name)} in a layer is a sparse file, which is not unpacked`);
  }
  for (const text of [name, target]) {
    if (text.includes("\0")) throw new ImageError(`${quote(text)} in a layer has a zero byte in its name`);
    if (Buffer.byteLength(text) > maximumPathBytes) {
      throw new ImageError(`${quote(text)} in a layer is longer than ${describeBytes(maximumPathBytes)}`);
    }
  }
  const mtimeMs = mtime.getTime();
  return {
    name,
    type,
    target,
    sizeBytes: size,
    mode: Number.isInteger(mode) ? mode : 0,
    mtimeMs: Number.isFinite(mtimeMs) ? mtimeMs : 0,
  };
}
