/** `_headers` and `_redirects` of a site, read again where they change. */
import * as fs from "node:fs";
import { type HeaderRule, parseHeadersFile } from "../headers-file.ts";
import { parseRedirectsFile, type RedirectRule } from "../redirects-file.ts";
import type { Representation } from "../representation.ts";
import { Problems } from "../rule-problems.ts";
import { probe } from "./probe.ts";

const headersPath = "/_headers";
const redirectsPath = "/_redirects";

/** Whether a path is that of the rules themselves, which are not served. */
export function isRulesFile(path: string): boolean {
  return path === headersPath || path === redirectsPath;
}

export class SiteRules {
  headerRules: HeaderRule[] = [];
  redirectRules: RedirectRule[] = [];
  private readonly rootDirectory: string;
  private headersFile: Representation | null = null;
  private redirectsFile: Representation | null = null;
  private readonly reports: boolean;
  /**
   * @param rootDirectory as it was given, for what is reported
   * @param reports whether it is: not where the site is only looked at
   */
  constructor(rootDirectory: string, reports: boolean) {
    this.rootDirectory = rootDirectory;
    this.reports = reports;
  }

  /** Reads `_headers` and `_redirects` again where they changed; whether they did. */
  follow(realRoot: string): boolean {
    const headersFile = probe(realRoot, headersPath, "");
    const redirectsFile = probe(realRoot, redirectsPath, "");
    const areHeadersSame = isSameState(headersFile, this.headersFile);
    const areRedirectsSame = isSameState(redirectsFile, this.redirectsFile);
    if (!areHeadersSame) {
      this.headersFile = headersFile;
      const problems = new Problems(`${this.rootDirectory}${headersPath}`);
      this.headerRules = parseHeadersFile(readText(headersFile), problems);
      if (this.reports) report(problems);
    }
    if (!areRedirectsSame) {
      this.redirectsFile = redirectsFile;
      const problems = new Problems(`${this.rootDirectory}${redirectsPath}`);
      this.redirectRules = parseRedirectsFile(readText(redirectsFile), problems);
      if (this.reports) report(problems);
    }
    return !areHeadersSame || !areRedirectsSame;
  }
}

function isSameState(left: Representation | null, right: Representation | null): boolean {
  if (left === null || right === null) return left === right;
  return left.isSameFile(right);
}

function readText(file: Representation | null): string {
  try {
    return file === null ? "" : fs.readFileSync(file.file(), "utf8");
  } catch {
    return "";
  }
}

function report(problems: Problems): void {
  for (const line of problems.lines) process.stderr.write(`statigo: ${line}\n`);
}
