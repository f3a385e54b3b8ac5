/**
 * The files below the root, found on first request and kept.
 *
 * Nothing is read at the start, so that it takes the same time for ten files as for a hundred thousand; what was
 * asked for once is answered from here, and looked at again on disk at most once a second.
 */
import * as fs from "node:fs";
import type { PathCounter } from "./metrics.ts";
import { mediaType } from "./mime.ts";
import { codingEndings, codings } from "./negotiate.ts";
import { isUnchanged, Representation, readFully, tagOfContent } from "./representation.ts";
import { isHidden } from "./route.ts";

const recheckMs = 1000;
const rootRecheckMs = 250;
/** Files up to this size are kept in memory, together up to the second figure; then all are let go. */
export const keptFileBytes = 16 * 1024;
const keptTotalBytes = 256 * 1024;
/** Up to this size a file is hashed at once (about 3 ms natively); above, a slice at a time. */
export const hashAtOnceBytes = 1 << 20;

/** A file with its compressed siblings. */
export class Resource {
  /** Decoded path of the file below the root, for metrics. */
  readonly path: string;
  readonly type: string;
  readonly identity: Representation;
  readonly variants: Representation[];
  checkedMs: number;
  /** Of the metrics, once it was asked for. */
  counter: PathCounter | null = null;
  /** The plain path that a request named it by, for the log. */
  target = "";
  /** The site's, when it was found. */
  rootCount = 0;
  /** The representation chosen last, and for which Accept-Encoding. */
  chosen: Representation | null = null;
  chosenFor = "";
  constructor(
    path: string,
    type: string,
    identity: Representation,
    variants: Representation[],
    checkedMs: number,
  ) {
    this.path = path;
    this.type = type;
    this.identity = identity;
    this.variants = variants;
    this.checkedMs = checkedMs;
  }

  isSame(other: Resource): boolean {
    if (!this.identity.isSameFile(other.identity) || this.variants.length !== other.variants.length)
      return false;
    for (let i = 0; i < this.variants.length; i++) {
      const mine = this.variants[i];
      const theirs = other.variants[i];
      if (mine === undefined || theirs === undefined || !mine.isSameFile(theirs)) return false;
    }
    return true;
  }
}

export class Site {
  readonly root: string;
  readonly indexFilename: string;
  readonly serveHidden: boolean;
  private realRoot = "";
  private rootCheckedMs = -1;
  /** How often the root turned out to be another folder. */
  private rootCount = 0;
  private resources = new Map<string, Resource>();
  private keptBytes = 0;
  private kept: Representation[] = [];
  constructor(root: string, indexFilename: string, serveHidden: boolean) {
    this.root = root;
    this.indexFilename = indexFilename;
    this.serveHidden = serveHidden;
  }

  /** The file for a decoded, normalized path, or null. A path that ends with a slash is a directory's index. */
  find(path: string, nowMs: number): Resource | null {
    this.followRoot(nowMs);
    const known = this.resources.get(path);
    if (known !== undefined && nowMs - known.checkedMs < recheckMs && nowMs >= known.checkedMs) return known;
    const found = this.load(path, nowMs);
    if (known !== undefined && found !== null && known.isSame(found)) {
      known.checkedMs = nowMs;
      return known;
    }
    if (found !== null) {
      found.rootCount = this.rootCount;
      this.resources.set(path, found);
    } else if (known !== undefined) this.resources.delete(path);
    return found;
  }

  /** Whether what find() gave may be used still: it was looked at less than a second ago, below the same root. */
  isCurrent(resource: Resource, nowMs: number): boolean {
    this.followRoot(nowMs);
    const ageMs = nowMs - resource.checkedMs;
    return resource.rootCount === this.rootCount && ageMs >= 0 && ageMs < recheckMs;
  }

  /** Whether the path, which has no slash at its end, is a directory with an index. */
  isDirectoryWithIndex(path: string, nowMs: number): boolean {
    this.followRoot(nowMs);
    return this.isVisible(path) && this.find(`${path}/`, nowMs) !== null;
  }

  /** Forgets a resource whose file turned out to have changed. */
  forget(resource: Resource): void {
    this.resources.delete(resource.path);
    if (resource.path.endsWith(`/${this.indexFilename}`)) {
      this.resources.delete(resource.path.slice(0, resource.path.length - this.indexFilename.length));
    }
  }

  /**
   * Makes the tag of a representation of at most hashAtOnceBytes, and keeps its content where it is small.
   * False where the file changed meanwhile.
   */
  prepare(representation: Representation): boolean {
    const content = Buffer.alloc(representation.sizeBytes);
    const fd = fs.openSync(representation.file, "r");
    try {
      if (!isUnchanged(fd, representation)) return false;
      if (readFully(fd, content, content.length, 0) !== content.length) return false;
    } finally {
      fs.closeSync(fd);
    }
    if (representation.etag === "") representation.etag = tagOfContent(content);
    if (content.length <= keptFileBytes) this.keep(representation, content);
    return true;
  }

  private keep(representation: Representation, content: Buffer): void {
    if (this.keptBytes + content.length > keptTotalBytes) {
      for (const former of this.kept) former.release();
      this.kept = [];
      this.keptBytes = 0;
    }
    representation.keep(content);
    this.kept.push(representation);
    this.keptBytes += content.length;
  }

  /** Where the root is a link to a release, a switched link makes all that is known void at once. */
  private followRoot(nowMs: number): void {
    if (nowMs - this.rootCheckedMs < rootRecheckMs && nowMs >= this.rootCheckedMs) return;
    this.rootCheckedMs = nowMs;
    let realRoot = "";
    try {
      realRoot = fs.realpathSync(this.root);
    } catch {
      // Between the removal of a link and its replacement the old release goes on being served.
      return;
    }
    // Paths are appended with their slash, so "/" itself counts as nothing.
    if (realRoot === "/") realRoot = "";
    if (realRoot === this.realRoot) return;
    this.realRoot = realRoot;
    this.rootCount += 1;
    this.resources = new Map<string, Resource>();
    this.kept = [];
    this.keptBytes = 0;
  }

  private isVisible(path: string): boolean {
    return this.serveHidden || !isHidden(path);
  }

  private load(path: string, nowMs: number): Resource | null {
    if (!this.isVisible(path)) return null;
    const name = path.endsWith("/") ? `${path}${this.indexFilename}` : path;
    const identity = this.probe(name, "");
    if (identity === null) return null;
    const variants: Representation[] = [];
    for (let i = 0; i < codings.length; i++) {
      const variant = this.probe(`${name}${codingEndings[i]}`, codings[i] ?? "");
      if (variant !== null) variants.push(variant);
    }
    return new Resource(name, mediaType(name), identity, variants, nowMs);
  }

  /** A regular file inside the root, links followed, or null. */
  private probe(path: string, coding: string): Representation | null {
    const file = `${this.realRoot}${path}`;
    try {
      if (!fs.existsSync(file)) return null;
      const real = fs.realpathSync(file);
      if (!real.startsWith(`${this.realRoot}/`)) return null;
      const stat = fs.statSync(real);
      if (!stat.isFile()) return null;
      fs.accessSync(real, fs.constants.R_OK);
      return new Representation(real, coding, stat.size, stat.mtimeMs, stat.ino);
    } catch {
      return null;
    }
  }
}
