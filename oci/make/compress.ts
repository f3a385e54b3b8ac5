import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { constants, crc32, deflateRaw, deflateRawSync, type ZlibOptions, zstdCompress } from "node:zlib";
import type { Compression } from "../media-type.ts";

export interface LayerCompression {
  kind: Compression;
  /** 1 to 9 of gzip, 1 to 19 of zstd. */
  level: number;
}

export const defaultLevels: Readonly<Record<Compression, number>> = { none: 0, gzip: 6, zstd: 9 };
export const maximumLevels: Readonly<Record<Compression, number>> = { none: 0, gzip: 9, zstd: 19 };

/**
 * An archive is compressed in blocks of this length, by all processors at once. The lengths are a part of what the
 * result is made of: they depend on nothing, or another machine would make another digest.
 */
export const blockBytes: Readonly<Record<Compression, number>> = {
  none: 256 * 1024,
  gzip: 256 * 1024,
  // Each is a frame of its own, which knows nothing of the one before.
  zstd: 2 * 1024 * 1024,
};

/** What of a block may refer to the block before: the whole window of deflate. */
const windowBytes = 32 * 1024;
/** Of a block that is compressed to half at most in one piece. */
const outputBytes = 128 * 1024;
const deflateAsync = promisify<Uint8Array, ZlibOptions, Buffer>(deflateRaw);
const zstdAsync = promisify(zstdCompress);

/**
 * The compressed archive, in pieces, in their order. As many blocks are under way as there are processors; one that is
 * done is put into `spare`.
 */
export async function* compressBlocks(
  blocks: Iterable<Buffer<ArrayBuffer>>,
  { kind, level }: LayerCompression,
  spare: Buffer<ArrayBuffer>[],
): AsyncGenerator<Uint8Array> {
  if (kind === "gzip") return yield* gzip(blocks, level, spare);
  if (kind === "zstd") return yield* zstd(blocks, level, spare);
  for (const block of blocks) {
    yield block;
    giveBack(block, spare);
  }
}

/** The last one is only a part of a block. */
function giveBack(block: Buffer<ArrayBuffer>, spare: Buffer<ArrayBuffer>[]): void {
  if (block.length === block.buffer.byteLength) spare.push(block);
}

function zstd(blocks: Iterable<Buffer<ArrayBuffer>>, level: number, spare: Buffer<ArrayBuffer>[]) {
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
  return inParallel(blocks, async (block) => {
    const frame = await zstdAsync(block, { params });
    giveBack(block, spare);
    return frame;
  });
}

/** RFC 1952: deflate, no flags, no time, no hint of the level, an unknown system. */
const gzipHeader = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
/** An empty last block of fixed codes (RFC 1951 section 3.2.6): the blocks before end on byte boundaries. */
const deflateEnd = Uint8Array.of(3, 0);

/** One gzip member: its blocks are compressed apart, each with the end of the one before as its dictionary. */
async function* gzip(
  blocks: Iterable<Buffer<ArrayBuffer>>,
  level: number,
  spare: Buffer<ArrayBuffer>[],
): AsyncGenerator<Uint8Array> {
  let checksum = 0;
  let sizeBytes = 0;
  let before: Buffer | undefined;
  yield gzipHeader;
  yield* inParallel(blocks, async (block) => {
    checksum = crc32(block, checksum);
    sizeBytes += block.length;
    const options: ZlibOptions = {
      level: isWorthIt(block) ? level : 0,
      finishFlush: constants.Z_SYNC_FLUSH,
      chunkSize: outputBytes,
      ...(before !== undefined && { dictionary: before }),
    };
    before = Buffer.from(block.subarray(-windowBytes));
    const deflated = await deflateAsync(block, options);
    giveBack(block, spare);
    return deflated;
  });
  yield deflateEnd;
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(checksum >>> 0, 0);
  trailer.writeUInt32LE(sizeBytes % 2 ** 32, 4);
  yield trailer;
}

const samples = 4;
const sampleBytes = 2 * 1024;

/**
 * Pictures and videos are compressed already; four samples say so in a hundredth of the time that it takes to find it
 * out. They are stored then.
 */
function isWorthIt(block: Buffer): boolean {
  if (block.length < 4 * samples * sampleBytes) return true;
  const step = Math.floor(block.length / samples);
  const sample = Buffer.concat(
    Array.from({ length: samples }, (_, index) => block.subarray(index * step, index * step + sampleBytes)),
  );
  return deflateRawSync(sample, { level: 1 }).length < 0.95 * sample.length;
}

/** Results in the order of the items. */
export async function* inParallel<Item, Result>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<Result>,
  // One more, so that none waits for the next to be read.
  atOnce = availableParallelism() + 1,
): AsyncGenerator<Result> {
  const running: Promise<Result>[] = [];
  try {
    for (const item of items) {
      const result = work(item);
      // It is awaited in its turn; until then it is not unhandled.
      result.catch(() => {});
      running.push(result);
      if (running.length >= atOnce) yield (await running.shift()) as Result;
    }
    for (let next = running.shift(); next !== undefined; next = running.shift()) yield await next;
  } finally {
    await Promise.allSettled(running);
  }
}
