/** One file on disk as it is sent: the file itself, or a compressed sibling of it. */
import * as crypto from "node:crypto";
import * as fs from "node:fs";

const EMPTY = Buffer.alloc(0);
const hashSliceBytes = 1 << 20;

export class Representation {
  readonly file: string;
  /** "br", "zstd", "gzip", or "" for the file itself. */
  readonly coding: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly inode: number;
  /** Strong, from the content; "" until it was read once. */
  etag = "";
  /** The whole content where `isKept`. */
  content: Buffer = EMPTY;
  isKept = false;
  /** The fields of a 200 that depend on the file alone, made once its tag is known. */
  fields = "";
  constructor(file: string, coding: string, sizeBytes: number, modifiedMs: number, inode: number) {
    this.file = file;
    this.coding = coding;
    this.sizeBytes = sizeBytes;
    this.modifiedMs = modifiedMs;
    this.inode = inode;
  }

  /** Whether `other` was made from the same state of the same file. */
  isSameFile(other: Representation): boolean {
    return (
      this.file === other.file &&
      this.sizeBytes === other.sizeBytes &&
      this.modifiedMs === other.modifiedMs &&
      this.inode === other.inode
    );
  }

  keep(content: Buffer): void {
    this.content = content;
    this.isKept = true;
  }

  release(): void {
    this.content = EMPTY;
    this.isKept = false;
  }
}

/** Whether the open file is still the one that `representation` was made from. */
export function isUnchanged(fd: number, representation: Representation): boolean {
  const stat = fs.fstatSync(fd);
  return (
    stat.size === representation.sizeBytes &&
    stat.mtimeMs === representation.modifiedMs &&
    stat.ino === representation.inode
  );
}

/** Reads up to `length` bytes from `position` into `target`; less only at the end of the file. */
export function readFully(fd: number, target: Buffer, length: number, position: number): number {
  let done = 0;
  while (done < length) {
    const count = fs.readSync(fd, target, done, length - done, position + done);
    if (count <= 0) break;
    done += count;
  }
  return done;
}

/** The entity tag for content with this digest. 64 bits of SHA-1: a change goes unseen once in 10^19. */
function tagOfDigest(hexDigest: string): string {
  return `"${hexDigest.slice(0, 16)}"`;
}

export function tagOfContent(content: Buffer): string {
  const hash = crypto.createHash("sha1");
  hash.update(content);
  return tagOfDigest(hash.digest("hex"));
}

/**
 * Hashes a big file a slice at a time, giving other connections their turn in between (a 200 MB file takes
 * 0.7 s natively). `done` is called with the tag, or with "" where the file changed or could not be read.
 */
export function hashInSlices(fd: number, sizeBytes: number, done: (etag: string) => void): void {
  const hash = crypto.createHash("sha1");
  const slice = Buffer.alloc(Math.min(hashSliceBytes, sizeBytes));
  let position = 0;
  const step = (): void => {
    let count = 0;
    try {
      count = readFully(fd, slice, Math.min(slice.length, sizeBytes - position), position);
    } catch {
      count = 0;
    }
    if (count === 0) {
      done("");
      return;
    }
    hash.update(slice.subarray(0, count));
    position += count;
    if (position === sizeBytes) done(tagOfDigest(hash.digest("hex")));
    else setImmediate(step);
  };
  step();
}
