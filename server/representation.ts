/** One file on disk as it is sent: the file itself, or a compressed sibling of it. */
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import type { HashTask } from "./hash-task.ts";

const EMPTY = Buffer.alloc(0);

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
  /** Of those, the ones that a 304 has. */
  validators = "";
  /** The whole 200 to a plain GET, head and content, as of a second; `content` is a part of it. */
  packet: Buffer = EMPTY;
  packetSecond = -1;
  /** What the log says of it, for a plain path, which is its resource's key. */
  logOutcome = "";
  /** While the tag is being made. */
  hashTask: HashTask | null = null;
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
    this.packet = EMPTY;
    this.packetSecond = -1;
    this.isKept = false;
  }

  /**
   * Puts the head before the kept content, in one buffer of its own: the one before may still be on its way out.
   * @param second for which the head's Date holds
   */
  pack(head: string, second: number): void {
    const packet = Buffer.allocUnsafe(head.length + this.content.length);
    packet.write(head, 0, "latin1");
    this.content.copy(packet, head.length, 0, this.content.length);
    this.content = packet.subarray(head.length);
    this.packet = packet;
    this.packetSecond = second;
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
export function tagOfDigest(hexDigest: string): string {
  return `"${hexDigest.slice(0, 16)}"`;
}

export function tagOfContent(content: Buffer): string {
  const hash = crypto.createHash("sha1");
  hash.update(content);
  return tagOfDigest(hash.digest("hex"));
}
