import { createHash } from "node:crypto";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Descriptor } from "../manifest.ts";
import { layerTypeOf } from "../media-type.ts";
import type { ProgressStep } from "../progress.ts";
import { type ArchiveEntry, archiveBlocks } from "./archive.ts";
import { blockBytes, compressBlocks, type LayerCompression } from "./compress.ts";

/** A layer of an image that is being built. */
export interface BuiltLayer {
  descriptor: Descriptor;
  /** Of the archive without its compression. */
  diffId: string;
}

/** What the archive of these entries would have as its diff ID; it is read and not compressed. */
export function diffIdOf(entries: readonly ArchiveEntry[], step: ProgressStep): string {
  const hash = createHash("sha256");
  const spare: Buffer<ArrayBuffer>[] = [];
  for (const block of archiveBlocks(entries, blockBytes.none, spare)) {
    hash.update(block);
    step.add(block.length);
    spare.push(block);
  }
  return `sha256:${hash.digest("hex")}`;
}

/** Writes the layer into a folder, under its digest's name, as it comes: no more of it is in memory than some blocks. */
export async function writeLayer(
  entries: readonly ArchiveEntry[],
  compression: LayerCompression,
  folder: string,
  step: ProgressStep,
  signal: AbortSignal,
): Promise<BuiltLayer & { file: string }> {
  const plain = createHash("sha256");
  const compressed = createHash("sha256");
  const partial = join(folder, `layer-${process.hrtime.bigint()}`);
  const handle = await open(partial, "wx", 0o600);
  let sizeBytes = 0;
  const spare: Buffer<ArrayBuffer>[] = [];
  const counted = function* () {
    for (const block of archiveBlocks(entries, blockBytes[compression.kind], spare)) {
      signal.throwIfAborted();
      plain.update(block);
      step.add(block.length);
      yield block;
    }
  };
  try {
    for await (const piece of compressBlocks(counted(), compression, spare)) {
      compressed.update(piece);
      sizeBytes += piece.length;
      await handle.write(piece);
    }
  } finally {
    await handle.close();
  }
  const digest = `sha256:${compressed.digest("hex")}`;
  const file = join(folder, digest.replace(":", "-"));
  await rename(partial, file);
  const descriptor = { mediaType: layerTypeOf(compression.kind), digest, sizeBytes };
  return { descriptor, diffId: `sha256:${plain.digest("hex")}`, file };
}
