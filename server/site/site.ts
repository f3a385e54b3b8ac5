/**
 * The files below the root, found on first request and kept.
 *
 * Nothing is read at the start, so that it takes the same time for ten files as for a hundred thousand; what was
 * asked for once is answered from here, and looked at again on disk at most once a second.
 */
import * as fs from "node:fs";
import type { MixContent } from "../content-hash.ts";
import { describeFile, type FileFields, noFields } from "../file-fields.ts";
import { mediaType } from "../mime.ts";
import { codingEndings, codings } from "../negotiate.ts";
import type { Options } from "../options/options.ts";
import { findRedirect, type RedirectOutcome } from "../redirects-file.ts";
import { isHidden } from "../route.ts";
import { textAt } from "../text.ts";
import { candidates } from "./candidates.ts";
import { FileMemory } from "./file-memory.ts";
import { probe } from "./probe.ts";
import { noVariants, Resource, Variants } from "./resource.ts";
import { isRulesFile, SiteRules } from "./site-rules.ts";

const recheckMs = 1000;
const rootRecheckMs = 250;
/** Shorter than a file's: what is awaited is asked for again and again. */
const missingRecheckMs = 250;
/**
 * Of what was asked for, this much is known, and as much again of what was known before: aliases by links to folders
 * would make it grow without end. What is asked for often is never forgotten.
 */
const maxResources = 2000;
/** No path is this. */
const unknownRoot = "?";

export class Site {
  readonly options: Options;
  readonly memory: FileMemory;
  private readonly rules: SiteRules;
  private rulesCheckedMs = -1;
  private realRoot = unknownRoot;
  private rootCheckedMs = -1;
  /** How often the root turned out to be another folder, or its rules to be others. */
  private rootCount = 0;
  private resources = new Map<string, Resource>();
  private formerResources = new Map<string, Resource>();
  private lastFields: FileFields = noFields;
  constructor(options: Options, mix: MixContent) {
    this.options = options;
    this.memory = new FileMemory(mix);
    this.rules = new SiteRules(options.rootDirectory, options.command !== "check");
    // At once, so that what is wrong in `_headers` and `_redirects` is reported at the start.
    this.followRoot(Date.now());
  }

  /** The file for a decoded, normalized path, or null. A path that ends with a slash is a directory's index. */
  find(path: string, nowMs: number): Resource | null {
    this.followRoot(nowMs);
    const known = this.resources.get(path) ?? this.recall(path);
    if (known !== undefined && nowMs - known.checkedMs < recheckMs && nowMs >= known.checkedMs) return known;
    const found = this.load(path, nowMs);
    if (known !== undefined && found !== null && known.isSame(found)) {
      known.checkedMs = nowMs;
      return known;
    }
    if (found !== null) {
      found.rootCount = this.rootCount;
      this.applyRules(found);
      this.remember(path, found);
    } else if (known !== undefined) this.resources.delete(path);
    return found;
  }

  private remember(path: string, resource: Resource): void {
    if (this.resources.size >= maxResources) {
      this.formerResources = this.resources;
      this.resources = new Map<string, Resource>();
    }
    this.resources.set(path, resource);
  }

  /** What was known before and is asked for again. */
  private recall(path: string): Resource | undefined {
    const former = this.formerResources.get(path);
    if (former === undefined) return undefined;
    this.formerResources.delete(path);
    this.remember(path, former);
    return former;
  }

  private forgetAll(): void {
    this.resources = new Map<string, Resource>();
    this.formerResources = new Map<string, Resource>();
  }

  /** Whether nothing needs to be looked for at this time where nothing was found at that. */
  isFresh(lookedMs: number, nowMs: number): boolean {
    return nowMs - lookedMs < missingRecheckMs && nowMs >= lookedMs;
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
    return findRedirect(this.rules.redirectRules, path);
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
    if (status === 404 && resource.notFoundFields !== noFields) return resource.notFoundFields;
    const fields = describeFile(
      path,
      resource.path,
      mediaType(resource.path),
      status,
      this.rules.headerRules,
      this.options,
    );
    // Without rules the path does not matter.
    if (status === 404 && this.rules.headerRules.length === 0) resource.notFoundFields = fields;
    return fields;
  }

  /** The page for a path that was not found: of the name 404.html the nearest up the tree, of others that in the root. */
  findNotFoundPage(path: string, nowMs: number): Resource | null {
    const filename = this.options.notFoundFilename;
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
    this.formerResources.delete(resource.key);
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
    this.memory.renew(nowMs);
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
    if (!this.rules.follow(realRoot) && !isSwitched) return;
    this.rootCount += 1;
    this.forgetAll();
    this.memory.release();
  }

  private isVisible(path: string): boolean {
    return this.options.serveHidden || !isHidden(path);
  }

  private load(path: string, nowMs: number): Resource | null {
    if (!this.isVisible(path) || isRulesFile(path)) return null;
    for (const name of candidates(path, this.options)) {
      const identity = probe(this.realRoot, name, "");
      if (identity === null) continue;
      let variants = noVariants;
      for (let i = 0; i < codings.length; i++) {
        const variant = probe(this.realRoot, `${name}${codingEndings[i]}`, textAt(codings, i));
        if (variant === null) continue;
        if (variants === noVariants) variants = new Variants(identity);
        variants.representations.push(variant);
      }
      const resource = new Resource(name, identity, variants, nowMs);
      resource.key = path;
      return resource;
    }
    return null;
  }
}
