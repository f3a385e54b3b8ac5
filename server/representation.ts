/** One file on disk as it is sent: the file itself, or a compressed sibling of it. */
import * as fs from "node:fs";
import { type Kept, notKept } from "./kept.ts";

export class Representation {
  /** The file's name is both of these: most have the path as asked for, which is then held once for all. */
  private readonly folder: string;
  private readonly path: string;
  /** "br", "zstd", "gzip", or "" for the file itself. */
  readonly coding: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly inode: number;
  /** Strong, from the content; "" until it was read once. */
  etag = "";
  /** Content and answers in memory, or `notKept`. */
  kept: Kept = notKept;
  constructor(
    folder: string,
    path: string,
    coding: string,
    sizeBytes: number,
    modifiedMs: number,
    inode: number,
  ) {
    this.folder = folder;
    this.path = path;
    this.coding = coding;
    this.sizeBytes = sizeBytes;
    this.modifiedMs = modifiedMs;
    this.inode = inode;
  }

  file(): string {
    return `${this.folder}${this.path}`;
  }

  /** Whether `other` was made from the same state of the same file. */
  isSameFile(other: Representation): boolean {
    return (
      this.path === other.path &&
      this.folder === other.folder &&
      this.sizeBytes === other.sizeBytes &&
      this.modifiedMs === other.modifiedMs &&
      this.inode === other.inode
    );
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
