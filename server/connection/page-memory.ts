/**
 * Which file a target led to, by the bytes of a request's first line, a GET or HEAD of HTTP/1.1: a page that is asked for
 * again is found without its path being read, decoded or looked up. Of the few slots for a hash value the first is taken
 * anew where none is free.
 */
import { noReply, type Reply } from "../reply.ts";
import { noResource, type Resource } from "../site/resource.ts";

const method = "GET ";
const otherMethod = Buffer.from("HEAD ", "latin1");
const letterH = 72;
const version = " HTTP/1.1";
/** Once, since natively a text's length is counted. */
const methodBytes = method.length;
const versionBytes = version.length;
/** Longer lines are not remembered. */
const slotBytes = 80;
const probes = 4;

export class PageMemory {
  private readonly slots: number;
  private readonly lines: Buffer;
  private readonly lengths: Uint8Array;
  private readonly hashes: Float64Array;
  /** When the target was looked up. */
  private readonly times: Float64Array;
  private readonly resources: Resource[] = [];
  /** The replies of files that are not kept. */
  private readonly replies: Reply[] = [];

  /** @param slots a power of two */
  constructor(slots: number) {
    this.slots = slots;
    this.lines = Buffer.alloc(slots * slotBytes);
    this.lengths = new Uint8Array(slots);
    this.hashes = new Float64Array(slots);
    this.times = new Float64Array(slots);
    for (let i = 0; i < slots; i++) {
      this.resources.push(noResource);
      this.replies.push(noReply);
    }
  }

  /**
   * The slot of the line whose bytes, without its end, run from `start` to `end`, or -1.
   * @param hash of hashLine()
   * @param skipped so many bytes at the start, of the method, may be others
   */
  find(input: Buffer, start: number, end: number, hash: number, skipped: number): number {
    const length = end - start;
    if (length < 1 || length >= slotBytes) return -1;
    const hashes = this.hashes;
    const lengths = this.lengths;
    const slots = this.slots;
    let slot = hash - Math.floor(hash / slots) * slots;
    for (let i = 0; i < probes; i++) {
      if (hashes[slot] === hash && lengths[slot] === length) {
        const at = slot * slotBytes;
        if (this.lines.compare(input, start + skipped, end, at + skipped, at + length) === 0) return slot;
      }
      slot = slot + 1 === slots ? 0 : slot + 1;
    }
    return -1;
  }

  resourceAt(slot: number): Resource {
    // biome-ignore lint/style/noNonNullAssertion: natively anything else makes an object of it
    return this.resources[slot]!;
  }

  /** The reply to a GET of a file that is not kept, or noReply. */
  replyAt(slot: number): Reply {
    // biome-ignore lint/style/noNonNullAssertion: as above
    return this.replies[slot]!;
  }

  timeAt(slot: number): number {
    return this.times[slot] ?? 0;
  }

  /**
   * @param target of printable ASCII, so that a character is a byte
   * @param reply to be sent again as it is, or noReply
   */
  learn(target: string, resource: Resource, reply: Reply, nowMs: number): void {
    const line = `${method}${target}${version}`;
    const length = line.length;
    if (length >= slotBytes) return;
    const bytes = Buffer.from(line, "latin1");
    const hash = hashLine(bytes, 0, length);
    const known = this.find(bytes, 0, length, hash, 0);
    const slot = known < 0 ? this.freeSlot(hash) : known;
    this.lines.write(line, slot * slotBytes, "latin1");
    this.lengths[slot] = length;
    this.hashes[slot] = hash;
    this.times[slot] = nowMs;
    this.resources[slot] = resource;
    this.replies[slot] = reply;
  }

  private freeSlot(hash: number): number {
    const first = hash % this.slots;
    for (let i = 0; i < probes; i++) {
      const slot = (first + i) % this.slots;
      if (this.lengths[slot] === 0) return slot;
    }
    return first;
  }
}

/** Whether the line is a HEAD; such is remembered as the GET that it would be. */
export function isHeadLine(bytes: Buffer, start: number, end: number): boolean {
  const methodEnd = start + otherMethod.length;
  return bytes[start] === letterH && methodEnd < end && otherMethod.compare(bytes, start, methodEnd) === 0;
}

/** How much longer the method of a HEAD is, so that a line begins there which is as long as the GET's. */
export const headSurplus = otherMethod.length - methodBytes;
/** In find(): what of the line of a HEAD is not compared. */
export const skippedOfHead = methodBytes;

/**
 * Of the length and up to nine bytes that end four before the target's end: names of a site differ most just before their
 * extension. All in all it stays below 2^53, where numbers are exact.
 */
export function hashLine(bytes: Buffer, start: number, end: number): number {
  const targetEnd = end - versionBytes;
  let hash = end - start;
  for (let i = Math.max(start + methodBytes, targetEnd - 13); i < targetEnd - 4; i++)
    hash = hash * 31 + (bytes[i] ?? 0);
  return hash * 3 + (targetEnd > start ? (bytes[targetEnd - 1] ?? 0) : 0);
}

/** The target in a line that was found. */
export function targetOf(bytes: Buffer, start: number, end: number): string {
  return bytes.toString("latin1", start + methodBytes, end - versionBytes);
}
