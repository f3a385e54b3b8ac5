/** The tag of a big file, hashed a slice at a time: a 200 MB file takes 0.7 s natively, and others get their turns. */
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { isUnchanged, type Representation, readFully, tagOfDigest } from "./representation.ts";

const sliceBytes = 256 * 1024;

export class HashTask {
  private readonly representation: Representation;
  private readonly hash = crypto.createHash("sha1");
  private readonly slice: Buffer = Buffer.alloc(sliceBytes);
  private fd = -1;
  private position = 0;
  /** Called once with whether the tag is known; not, where the file changed or can't be read. */
  private waiters: ((isKnown: boolean) => void)[] = [];
  constructor(representation: Representation) {
    this.representation = representation;
  }

  whenDone(waiter: (isKnown: boolean) => void): void {
    this.waiters.push(waiter);
  }

  /** Hashes one slice; false once all is done and the waiters were told. */
  step(): boolean {
    const representation = this.representation;
    let count = 0;
    try {
      if (this.fd < 0) {
        this.fd = fs.openSync(representation.file, "r");
        if (!isUnchanged(this.fd, representation)) return this.finish(false);
      }
      count = readFully(this.fd, this.slice, sliceBytes, this.position);
    } catch {
      return this.finish(false);
    }
    if (count === 0) return this.finish(false);
    this.hash.update(this.slice.subarray(0, count));
    this.position += count;
    if (this.position < representation.sizeBytes) return true;
    if (this.position > representation.sizeBytes) return this.finish(false);
    representation.etag = tagOfDigest(this.hash.digest("hex"));
    return this.finish(true);
  }

  private finish(isKnown: boolean): boolean {
    if (this.fd >= 0) fs.closeSync(this.fd);
    this.fd = -1;
    this.representation.hashTask = null;
    const waiters = this.waiters;
    this.waiters = [];
    for (const waiter of waiters) waiter(isKnown);
    return false;
  }
}
