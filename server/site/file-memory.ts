/** The content of small files, held in memory. */
import * as fs from "node:fs";
import { ContentHash, type MixContent } from "../content-hash.ts";
import { Kept, keptOverheadBytes, notKept } from "../kept.ts";
import { isUnchanged, type Representation, readFully } from "../representation.ts";

/** Files up to this size are kept in memory, together up to the second figure. */
const keptFileBytes = 16 * 1024;
const keptTotalBytes = 512 * 1024;
/**
 * When memory is full the first come stay: letting go of one for the other made each of 100 files in turn cost four
 * times as much. So that what is asked for now gets its place, all are let go after this time.
 */
const keptMs = 10_000;
/** Up to this size a file is hashed at once (0.6 ms natively); above, a slice at a time, behind the answers. */
export const hashAtOnceBytes = 1 << 20;

export class FileMemory {
  private readonly mix: MixContent;
  private keptBytes = 0;
  private keptSinceMs = 0;
  private kept: Representation[] = [];
  constructor(mix: MixContent) {
    this.mix = mix;
  }

  /**
   * Makes the tag of a representation of at most hashAtOnceBytes, and keeps its content where it is small.
   * False where the file changed meanwhile.
   */
  prepare(representation: Representation): boolean {
    const content = Buffer.alloc(representation.sizeBytes);
    const fd = fs.openSync(representation.file(), "r");
    try {
      if (!isUnchanged(fd, representation)) return false;
      if (readFully(fd, content, content.length, 0) !== content.length) return false;
    } finally {
      fs.closeSync(fd);
    }
    if (representation.etag === "") {
      const hash = new ContentHash(this.mix);
      hash.update(content, content.length);
      representation.etag = hash.tag();
    }
    if (this.hasRoomFor(representation)) this.keep(representation, content);
    return true;
  }

  /** Whether the content of a file that is not kept would be. */
  hasRoomFor(representation: Representation): boolean {
    const sizeBytes = representation.sizeBytes;
    return sizeBytes <= keptFileBytes && this.keptBytes + sizeBytes + keptOverheadBytes <= keptTotalBytes;
  }

  private keep(representation: Representation, content: Buffer): void {
    representation.kept = new Kept(content, representation.etag);
    this.kept.push(representation);
    this.keptBytes += content.length + keptOverheadBytes;
  }

  /** Lets go of what is kept where there is no room for more. */
  renew(nowMs: number): void {
    if (this.keptBytes + keptFileBytes + keptOverheadBytes <= keptTotalBytes) return;
    if (nowMs - this.keptSinceMs < keptMs && nowMs >= this.keptSinceMs) return;
    this.keptSinceMs = nowMs;
    this.release();
  }

  release(): void {
    for (const former of this.kept) former.kept = notKept;
    this.kept = [];
    this.keptBytes = 0;
  }
}
