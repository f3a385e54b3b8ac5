/** Makes the tag of a big file behind the answers, a slice at a time. */
import * as fs from "node:fs";
import { ContentHash, type MixContent } from "./content-hash.ts";
import { isUnchanged, type Representation, readFully } from "./representation.ts";

/** 0.03 ms natively; a multiple of the hash's blocks. */
const sliceBytes = 64 * 1024;
/** One for all: each step is done with it before the next begins. */
const slice = Buffer.alloc(sliceBytes);

export class HashTask {
  private readonly representation: Representation;
  private readonly hash: ContentHash;
  private fd = -1;
  private position = 0;
  private isOver = false;
  /** Called once with whether the tag is known; not, where the file changed or can't be read. */
  private waiters: ((isKnown: boolean) => void)[] = [];
  constructor(representation: Representation, mix: MixContent) {
    this.representation = representation;
    this.hash = new ContentHash(mix);
  }

  /** Whether this makes the tag, and has not done so yet. */
  isFor(representation: Representation): boolean {
    return this.representation === representation && !this.isOver;
  }

  whenDone(waiter: (isKnown: boolean) => void): void {
    this.waiters.push(waiter);
  }

  /** Hashes one slice; false once all is done and the waiters were told. */
  step(): boolean {
    const representation = this.representation;
    try {
      if (this.fd < 0) this.fd = fs.openSync(representation.file(), "r");
      if (this.position === 0 && !isUnchanged(this.fd, representation)) return this.finish("");
      const count = readFully(this.fd, slice, sliceBytes, this.position);
      this.hash.update(slice, count);
      this.position += count;
      if (count === sliceBytes && this.position < representation.sizeBytes) return true;
      // Also where it was written to meanwhile: a tag is never that of a mixture.
      if (this.position !== representation.sizeBytes || !isUnchanged(this.fd, representation))
        return this.finish("");
    } catch {
      return this.finish("");
    }
    return this.finish(this.hash.tag());
  }

  private finish(etag: string): boolean {
    if (this.fd >= 0) fs.closeSync(this.fd);
    this.fd = -1;
    this.representation.etag = etag;
    this.isOver = true;
    const waiters = this.waiters;
    this.waiters = [];
    for (const waiter of waiters) waiter(etag !== "");
    return false;
  }
}
