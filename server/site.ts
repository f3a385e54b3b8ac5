/**
 * The files below the root, found on first request and kept.
 *
 * Nothing is read at the start, so that it takes the same time for ten files as for a hundred thousand; what was
 * asked for once is answered from here, and looked at again on disk at most once a second.
 */
import * as fs from "node:fs";
import { describeFile, type FileFields, noFields } from "./file-fields.ts";
import { type HeaderRule, parseHeadersFile } from "./headers-file.ts";
import type { PathCounter } from "./metrics.ts";
import { mediaType } from "./mime.ts";
import { codingEndings, codings } from "./negotiate.ts";
import type { Options } from "./options.ts";
import {
  findRedirect,
  noOutcome,
  parseRedirectsFile,
  type RedirectOutcome,
  type RedirectRule,
} from "./redirects-file.ts";
import { isUnchanged, Representation, readFully, tagOfContent } from "./representation.ts";
import { isHidden } from "./route.ts";
import { Problems } from "./rule-problems.ts";
import { textAt } from "./text.ts";

const recheckMs = 1000;
const rootRecheckMs = 250;
/** Files up to this size are kept in memory, together up to the second figure. */
const keptFileBytes = 16 * 1024;
const keptTotalBytes = 512 * 1024;
/**
 * When memory is full the first come stay: letting go of one for the other made each of 100 files in turn cost four
 * times as much. So that what is asked for now gets its place, all are let go after this time.
 */
const keptMs = 10_000;
/** Of all that was asked for, this much is known; aliases by links to folders would make it grow without end. */
const maxResources = 8192;
/** Up to this size a file is hashed at once (about 3 ms natively); above, a slice at a time. */
export const hashAtOnceBytes = 1 << 20;

/** No path is this. */
const unknownRoot = "?";
const headersPath = "/_headers";
const redirectsPath = "/_redirects";

/** A file with its compressed siblings, as it answers one path. */
export class Resource {
  /** Decoded path of the file below the root, for metrics. */
  readonly path: string;
  readonly type: string;
  readonly identity: Representation;
  readonly variants: Representation[];
  checkedMs: number;
  /** Of the metrics, once it was asked for. */
  counter: PathCounter | null = null;
  /** The site's, when it was found. */
  rootCount = 0;
  /** The representation chosen last, and for which Accept-Encoding. */
  chosen: Representation | null = null;
  chosenFor = "";
  /** The path that is answered: not the file's own for a folder's index and for a page without its extension. */
  key = "";
  /** The fields of its answer that follow from flags and `_headers`. */
  fields: FileFields = noFields;
  /** The same where it is the page for what is not found, if they are the same for all paths. */
  notFoundFields: FileFields | null = null;
  /** What answers the path although the file is there; status 0 for nothing. */
  forced: RedirectOutcome = noOutcome;
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
  readonly options: Options;
  private headerRules: HeaderRule[] = [];
  private redirectRules: RedirectRule[] = [];
  private headersFile: Representation | null = null;
  private redirectsFile: Representation | null = null;
  private rulesCheckedMs = -1;
  private realRoot = unknownRoot;
  private rootCheckedMs = -1;
  /** How often the root turned out to be another folder, or its rules to be others. */
  private rootCount = 0;
  private resources = new Map<string, Resource>();
  private lastFields: FileFields = noFields;
  private keptBytes = 0;
  private keptSinceMs = 0;
  private kept: Representation[] = [];
  constructor(options: Options) {
    this.options = options;
    // At once, so that what is wrong in `_headers` and `_redirects` is reported at the start.
    this.followRoot(Date.now());
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
      this.applyRules(found);
      if (this.resources.size >= maxResources) this.resources = new Map<string, Resource>();
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

  /** The path with its slash added or taken away, where the page is found there; "" where it is not. */
  otherForm(path: string, nowMs: number): string {
    if (path === "/") return "";
    const other = path.endsWith("/") ? path.slice(0, path.length - 1) : `${path}/`;
    const found = this.find(other, nowMs);
    // A file's own name has no other form: /page.html/ is not found.
    return found === null || found.path === other ? "" : other;
  }

  /** What `_redirects` says for a path; status 0 for nothing. */
  redirect(path: string): RedirectOutcome {
    return findRedirect(this.redirectRules, path);
  }

  /** Asked once for a resource, so that an answer from memory costs no rule. */
  private applyRules(resource: Resource): void {
    const fields = this.describe(resource.key, resource, 200);
    // Most files of a site have the same: they share it.
    if (!fields.equals(this.lastFields)) this.lastFields = fields;
    resource.fields = this.lastFields;
    const outcome = this.redirect(resource.key);
    if (outcome.isForced) resource.forced = outcome;
  }

  /** The fields for an answer to a path that need not be the resource's own. */
  describe(path: string, resource: Resource, status: number): FileFields {
    const known = status === 404 ? resource.notFoundFields : null;
    if (known !== null) return known;
    const fields = describeFile(path, resource.path, resource.type, status, this.headerRules, this.options);
    // Without rules the path does not matter.
    if (status === 404 && this.headerRules.length === 0) resource.notFoundFields = fields;
    return fields;
  }

  /** The page for a path that was not found: of the name 404.html the nearest up the tree, of others that in the root. */
  findNotFoundPage(path: string, filename: string, nowMs: number): Resource | null {
    if (filename === "") return null;
    let page = this.find(`/${filename}`, nowMs);
    let slash = filename === "404.html" ? path.indexOf("/", 1) : -1;
    while (slash > 0 && fs.existsSync(`${this.realRoot}${path.slice(0, slash + 1)}`)) {
      page = this.find(`${path.slice(0, slash + 1)}${filename}`, nowMs) ?? page;
      slash = path.indexOf("/", slash + 1);
    }
    return page;
  }

  /** Forgets a resource whose file turned out to have changed. */
  forget(resource: Resource): void {
    this.resources.delete(resource.key);
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
    if (this.hasRoomFor(representation)) this.keep(representation, content);
    return true;
  }

  /** Whether the content of a file that is not kept would be. */
  hasRoomFor(representation: Representation): boolean {
    const sizeBytes = representation.sizeBytes;
    return sizeBytes <= keptFileBytes && this.keptBytes + sizeBytes <= keptTotalBytes;
  }

  private keep(representation: Representation, content: Buffer): void {
    representation.keep(content);
    this.kept.push(representation);
    this.keptBytes += content.length;
  }

  /** Lets go of what is kept where there is no room for more. */
  private renewKept(nowMs: number): void {
    if (this.keptBytes + keptFileBytes <= keptTotalBytes) return;
    if (nowMs - this.keptSinceMs < keptMs && nowMs >= this.keptSinceMs) return;
    this.keptSinceMs = nowMs;
    for (const former of this.kept) former.release();
    this.kept = [];
    this.keptBytes = 0;
  }

  /** Looks at everything anew at the next request. */
  reload(): void {
    this.rootCheckedMs = -1;
    this.rulesCheckedMs = -1;
    this.realRoot = unknownRoot;
  }

  /** Where the root is a link to a release, a switched link makes all that is known void at once. */
  private followRoot(nowMs: number): void {
    if (nowMs - this.rootCheckedMs < rootRecheckMs && nowMs >= this.rootCheckedMs) return;
    this.rootCheckedMs = nowMs;
    this.renewKept(nowMs);
    let realRoot = "";
    try {
      realRoot = fs.realpathSync(this.options.rootDirectory);
    } catch {
      // Between the removal of a link and its replacement the old release goes on being served.
      return;
    }
    // Paths are appended with their slash, so "/" itself counts as nothing.
    if (realRoot === "/") realRoot = "";
    const isSwitched = realRoot !== this.realRoot;
    this.realRoot = realRoot;
    const areRulesDue = nowMs - this.rulesCheckedMs >= recheckMs || nowMs < this.rulesCheckedMs;
    if (!isSwitched && !areRulesDue) return;
    this.rulesCheckedMs = nowMs;
    if (!this.followRules() && !isSwitched) return;
    this.rootCount += 1;
    this.resources = new Map<string, Resource>();
    this.kept = [];
    this.keptBytes = 0;
  }

  /** Reads `_headers` and `_redirects` again where they changed; whether they did. */
  private followRules(): boolean {
    const headersFile = this.probe(headersPath, "");
    const redirectsFile = this.probe(redirectsPath, "");
    const areHeadersSame = isSameState(headersFile, this.headersFile);
    const areRedirectsSame = isSameState(redirectsFile, this.redirectsFile);
    if (!areHeadersSame) {
      this.headersFile = headersFile;
      const problems = new Problems(`${this.options.rootDirectory}${headersPath}`);
      this.headerRules = parseHeadersFile(readText(headersFile), problems);
      report(problems);
    }
    if (!areRedirectsSame) {
      this.redirectsFile = redirectsFile;
      const problems = new Problems(`${this.options.rootDirectory}${redirectsPath}`);
      this.redirectRules = parseRedirectsFile(readText(redirectsFile), problems);
      report(problems);
    }
    return !areHeadersSame || !areRedirectsSame;
  }

  private isVisible(path: string): boolean {
    return this.options.serveHidden || !isHidden(path);
  }

  /**
   * The files that may answer a path, the first one there does. Where both contact.html and contact/index.html
   * are there, /contact is the former and /contact/ the latter, as on Cloudflare Pages.
   */
  private candidates(path: string): string[] {
    const policy = this.options.trailingSlash;
    if (path.endsWith("/")) {
      const index = `${path}${this.options.indexFilename}`;
      if (path === "/" || policy === "auto") return [index];
      return policy === "always" ? [index, `${path.slice(0, path.length - 1)}.html`] : [];
    }
    if (policy === "always") return [path];
    if (policy === "auto") return [path, `${path}.html`];
    return [path, `${path}.html`, `${path}/${this.options.indexFilename}`];
  }

  private load(path: string, nowMs: number): Resource | null {
    if (!this.isVisible(path) || path === headersPath || path === redirectsPath) return null;
    for (const name of this.candidates(path)) {
      const identity = this.probe(name, "");
      if (identity === null) continue;
      const variants: Representation[] = [];
      for (let i = 0; i < codings.length; i++) {
        const variant = this.probe(`${name}${codingEndings[i]}`, textAt(codings, i));
        if (variant !== null) variants.push(variant);
      }
      const resource = new Resource(name, mediaType(name), identity, variants, nowMs);
      resource.key = path;
      return resource;
    }
    return null;
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

function isSameState(left: Representation | null, right: Representation | null): boolean {
  if (left === null || right === null) return left === right;
  return left.isSameFile(right);
}

function readText(file: Representation | null): string {
  try {
    return file === null ? "" : fs.readFileSync(file.file, "utf8");
  } catch {
    return "";
  }
}

function report(problems: Problems): void {
  for (const line of problems.lines) process.stderr.write(`statigo: ${line}\n`);
}
