import { createWriteStream } from "node:fs";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { finishDigest, hashFor } from "./digest.ts";
import { ImageError } from "./image-error.ts";
import type { ImageSource } from "./image-source.ts";
import { type Descriptor, quote } from "./manifest.ts";

/** Configs are read into memory; none comes near this. */
const maximumInMemoryBytes = 4 * 1024 * 1024;

/**
 * Lets through what the descriptor promises, and fails at the first byte too many or at a wrong end. A piece follows
 * once there is a next one or all is right: nobody ever has the whole of something wrong, and refuses it before this does.
 */
export async function* checked(
  stream: AsyncIterable<Buffer>,
  { digest, sizeBytes }: Descriptor,
): AsyncGenerator<Buffer> {
  const hash = hashFor(digest);
  let seenBytes = 0;
  let last: Buffer | undefined;
  for await (const chunk of stream) {
    seenBytes += chunk.length;
    if (seenBytes > sizeBytes) throw new ImageError(`${digest} is longer than its ${sizeBytes} bytes`);
    hash.update(chunk);
    if (last !== undefined) yield last;
    last = chunk;
  }
  if (seenBytes < sizeBytes) {
    // A connection that ended early looks like this where no length was announced.
    const message = `${digest} ended after ${seenBytes} of ${sizeBytes} bytes`;
    throw new ImageError(message, { isTemporary: true });
  }
  const found = finishDigest(hash, digest);
  if (found !== digest) throw new ImageError(`what came for ${digest} is ${found}`);
  if (last !== undefined) yield last;
}

/** Writes it into a new file. The file is whole and the right one when this resolves. */
export async function saveBlob(
  source: ImageSource,
  descriptor: Descriptor,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const stream = await source.openBlob(descriptor, signal);
  const target = createWriteStream(file, { flags: "w", mode: 0o600 });
  await pipeline(stream, (chunks) => checked(chunks, descriptor), target, { signal });
}

export async function readBlob(
  source: ImageSource,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<Buffer> {
  const { digest, sizeBytes } = descriptor;
  if (sizeBytes > maximumInMemoryBytes) {
    throw new ImageError(`${quote(digest)} of ${sizeBytes} bytes is too long for an image's config`);
  }
  const chunks: Buffer[] = [];
  const stream: Readable = await source.openBlob(descriptor, signal);
  try {
    for await (const chunk of checked(stream, descriptor)) chunks.push(chunk);
  } finally {
    stream.destroy();
  }
  return Buffer.concat(chunks);
}

/** A part of what a stream brings; what is behind it is not read. */
export async function* bytesBetween(
  stream: AsyncIterable<Buffer>,
  startBytes: number,
  endBytes: number,
): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const chunk of stream) {
    const from = Math.max(0, startBytes - at);
    const to = Math.min(chunk.length, endBytes - at);
    at += chunk.length;
    if (from < to) yield chunk.subarray(from, to);
    if (at >= endBytes) break;
  }
}
