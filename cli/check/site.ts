/** Goes through a site file by file; what is kept of each is what others may ask of it: its anchors. */
import { readFileSync, statSync } from "node:fs";
import { mediaType } from "../../server/library.ts";
import { formatSize } from "../size.ts";
import { Addresses } from "./addresses.ts";
import { findCssReferences } from "./css.ts";
import type { Finding, FindingKind, Reference } from "./finding.ts";
import { type ScannedPage, scanPage } from "./html.ts";
import type { CheckOptions } from "./options.ts";
import { Places } from "./place.ts";
import { checkRules } from "./rules.ts";
import { type Address, readAddress } from "./url.ts";

export interface CheckResult {
  findings: Finding[];
  files: number;
  pages: number;
  references: number;
}

/** A link to a part of a page, which may be read later. */
interface AnchorUse {
  file: string;
  line: number;
  column: number;
  target: string;
  fragment: string;
  url: string;
}

type Report = (kind: FindingKind, message: string) => void;

/** Stands for the site where its address does not matter. */
const anyOrigin = "https://site.invalid";

export class SiteChecker {
  private readonly options: CheckOptions;
  private readonly addresses: Addresses;
  private readonly origin: URL;
  private readonly findings: Finding[] = [];
  private readonly anchors = new Map<string, ReadonlySet<string>>();
  private readonly anchorUses: AnchorUse[] = [];
  private references = 0;

  constructor(options: CheckOptions) {
    this.options = options;
    this.origin = new URL(options.siteUrl ?? anyOrigin);
    this.addresses = new Addresses(options.server);
  }

  run(): CheckResult {
    const { server, skipped } = this.options;
    for (const file of this.addresses.files) this.checkFile(file);
    for (const use of this.anchorUses) this.checkAnchor(use);
    if (server.notFoundFilename !== "" && !this.addresses.hasNotFoundPage()) this.reportNotFoundPage();
    this.findings.push(...checkRules(server, this.addresses));
    const findings = this.findings.filter(({ kind }) => !skipped.has(kind)).sort(byPlace);
    const { references } = this;
    return { findings, files: this.addresses.files.length, pages: this.anchors.size, references };
  }

  private checkFile(file: string): void {
    const type = mediaType(file);
    const path = this.options.server.rootDirectory + file;
    if (type.startsWith("image/")) this.checkImageSize(file, path);
    const isSvg = type.startsWith("image/svg");
    if (type.startsWith("text/css")) {
      const text = readText(path);
      if (text !== undefined) this.checkReferences(file, text, findCssReferences(text), file);
    } else if (type.startsWith("text/html") || isSvg) {
      const text = readText(path);
      if (text !== undefined) this.checkPage(file, text, scanPage(text, isSvg));
    }
  }

  private checkPage(file: string, text: string, page: ScannedPage): void {
    this.anchors.set(file, page.anchors);
    const places = new Places(text);
    for (const { id, offset } of page.duplicates)
      this.report("duplicate-id", file, places.at(offset), `the id "${id}" is there twice`);
    this.checkReferences(file, text, page.references, this.addressOf(file), page.base);
  }

  /** Where a page is asked for, which is what its relative addresses start from. */
  private addressOf(file: string): string {
    const { indexFilename, trailingSlash } = this.options.server;
    const isIndex = file.endsWith(`/${indexFilename}`);
    const folder = file.slice(0, file.lastIndexOf("/") + 1);
    if (isIndex && trailingSlash === "never" && folder !== "/") return folder.slice(0, -1);
    if (isIndex) return folder;
    return trailingSlash === "always" && file.endsWith(".html") ? `${file.slice(0, -".html".length)}/` : file;
  }

  private checkReferences(
    file: string,
    text: string,
    references: Reference[],
    from: string,
    base?: string,
  ): void {
    this.references += references.length;
    const places = new Places(text);
    const answersAny = this.answersAny(file) && base === undefined;
    const start = new URL(base ?? "", new URL(encodeURI(from), this.origin));
    for (const reference of references) {
      const address = readAddress(reference.url, start, this.origin.host);
      const report: Report = (kind, message) => this.report(kind, file, places.at(reference.offset), message);
      if (answersAny && address.isRelative && address.kind === "internal")
        report(
          "relative-link",
          `${reference.url} depends on the address that the page answers: start it with a slash`,
        );
      this.judge(reference, address, report);
      if (address.kind === "internal" && address.fragment !== "" && reference.use === "link")
        this.noteAnchorUse(file, places.at(reference.offset), reference.url, address.path, address.fragment);
    }
  }

  private judge({ url, use }: Reference, address: Address, report: Report): void {
    if (address.kind === "bad") report("bad-url", `${url} is no address`);
    else if (address.isInsecure && use !== "link") report("mixed-content", `${url} is loaded over http:`);
    else if (address.kind === "empty" && use === "asset") report("missing-asset", "the address is empty");
    else if (address.kind === "internal" && use !== "form")
      this.judgeDestination(url, use, address.path, report);
  }

  private judgeDestination(url: string, use: Reference["use"], path: string, report: Report): void {
    const { kind } = this.addresses.find(path);
    if (kind === "bad") report("bad-url", `${url} is no address that the server takes`);
    else if (kind === "loop") report("redirect-loop", `${url} leads from redirect to redirect without end`);
    else if (kind === "missing") {
      const other = this.addresses.findOtherCase(path);
      if (other !== undefined && other !== path) report("wrong-case", `${url} is not there, but ${other} is`);
      else report(use === "asset" ? "missing-asset" : "broken-link", `${url} is not there`);
    }
  }

  private noteAnchorUse(
    file: string,
    place: { line: number; column: number },
    url: string,
    path: string,
    fragment: string,
  ): void {
    const destination = this.addresses.find(path);
    // A view of an application has the anchors that its script makes.
    if (destination.kind !== "file" || (destination.isStandIn && this.options.server.isSinglePage)) return;
    this.anchorUses.push({ file, ...place, target: destination.path, fragment, url });
  }

  private checkAnchor({ file, line, column, target, fragment, url }: AnchorUse): void {
    const anchors = this.anchors.get(target);
    if (anchors === undefined || anchors.has(fragment) || anchors.has(decodeFragment(fragment))) return;
    this.report(
      "broken-anchor",
      file,
      { line, column },
      `${url}: ${target.slice(1)} has no part of that name`,
    );
  }

  private answersAny(file: string): boolean {
    const { notFoundFilename, indexFilename, isSinglePage } = this.options.server;
    return (
      file === `/${notFoundFilename}` ||
      file.endsWith("/404.html") ||
      (isSinglePage && file === `/${indexFilename}`)
    );
  }

  private checkImageSize(file: string, path: string): void {
    const { maxImageBytes } = this.options;
    const { size } = statSync(path, { throwIfNoEntry: false }) ?? { size: 0 };
    if (maxImageBytes > 0 && size > maxImageBytes)
      this.report(
        "image-size",
        file,
        undefined,
        `${formatSize(size)}, more than ${formatSize(maxImageBytes)}`,
      );
  }

  private reportNotFoundPage(): void {
    const name = this.options.server.notFoundFilename;
    this.report(
      "not-found-page",
      `/${name}`,
      undefined,
      "is missing: who follows a dead link gets a bare page",
    );
  }

  private report(
    kind: FindingKind,
    file: string,
    place: { line: number; column: number } | undefined,
    message: string,
  ): void {
    this.findings.push({ kind, file: file.slice(1), line: place?.line, column: place?.column, message });
  }
}

function byPlace(a: Finding, b: Finding): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

/** Undefined for what can't be read, which the check of the files reports. */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function decodeFragment(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}
