import { pipeline } from "node:stream/promises";
import { extract, type Header } from "tar-stream";

export type TarContent = AsyncIterable<Buffer>;

/**
 * Reads a tar archive from its first byte to its last. Each member is given with its content, which need not be
 * read: the rest of it is skipped. What either side throws is thrown, and ends the other.
 */
export async function readTar(
  bytes: AsyncIterable<Buffer>,
  signal: AbortSignal,
  onMember: (header: Header, content: TarContent) => Promise<void> | void,
): Promise<void> {
  const archive = extract();
  const end = (error: unknown) => {
    archive.destroy();
    throw error;
  };
  const reading = (async () => {
    for await (const member of archive) {
      await onMember(member.header, member as TarContent);
      member.resume();
    }
  })().catch(end);
  const filling = pipeline(bytes, archive, { signal }).catch(end);
  const [filled, read] = await Promise.allSettled([filling, reading]);
  signal.throwIfAborted();
  // A reader that stops looks like a broken pipe to what fills it: its own word counts.
  const isBroken = filled.status === "rejected" && filled.reason?.code !== "ERR_STREAM_PREMATURE_CLOSE";
  if (isBroken) throw filled.reason;
  if (read.status === "rejected") throw read.reason;
  if (filled.status === "rejected") throw filled.reason;
}

/** Whether the archive itself is at fault, by the words of its reader, which has no codes. */
export function isTarError(error: unknown): error is Error {
  return error instanceof Error && /tar header|end of data|Header exceeds|Invalid header/.test(error.message);
}
