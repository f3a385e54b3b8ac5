/** `statigo --check`: what is wrong with a site, told before it is served. */
import * as fs from "node:fs";
import { parseHeadersFile } from "./headers-file.ts";
import { codingEndings } from "./negotiate.ts";
import { parseRedirectsFile } from "./redirects-file.ts";
import { isHidden } from "./route.ts";
import { Problems } from "./rule-problems.ts";
import { textAt } from "./text.ts";

/** Names are bytes to Linux. What is no UTF-8 reads as replacement characters, natively only once it is decoded again. */
function isUtf8(path: string): boolean {
  return !Buffer.from(path, "utf8").toString("utf8").includes("\uFFFD");
}

export class SiteCheck {
  /** What a visitor or a rule would run into, one line each: `folder/name: what is wrong`. */
  readonly problems: string[] = [];
  /** What is not served on purpose. */
  readonly notes: string[] = [];
  files = 0;
  private readonly root: string;
  private readonly realRoot: string;
  private readonly serveHidden: boolean;

  constructor(root: string, serveHidden: boolean) {
    this.root = root.endsWith("/") ? root.slice(0, root.length - 1) : root;
    this.realRoot = fs.realpathSync(root);
    this.serveHidden = serveHidden;
  }

  run(): void {
    this.checkFolder("");
    this.checkRules("/_headers");
    this.checkRules("/_redirects");
  }

  /** `3 files, no problem` */
  summary(): string {
    const count = this.problems.length;
    const found = count === 0 ? "no problem" : count === 1 ? "1 problem" : `${count} problems`;
    return `${this.root}: ${this.files === 1 ? "1 file" : `${this.files} files`}, ${found}`;
  }

  private report(path: string, problem: string): void {
    this.problems.push(`${this.root}${path}: ${problem}`);
  }

  private checkFolder(path: string): void {
    const names = this.namesIn(path);
    for (let i = 0; i < names.length; i++) {
      const name = textAt(names, i);
      try {
        this.checkEntry(`${path}/${name}`);
      } catch {
        this.report(`${path}/${name}`, "can't be read by this user");
      }
    }
  }

  private namesIn(path: string): string[] {
    try {
      return fs.readdirSync(`${this.root}${path}`).sort();
    } catch {
      this.report(path, "can't be read by this user");
      return [];
    }
  }

  private checkEntry(path: string): void {
    const file = `${this.root}${path}`;
    if (!isUtf8(path)) this.report(path, "its name is no UTF-8: no address reaches it");
    else if (!this.serveHidden && path !== "/.well-known" && isHidden(path)) {
      this.notes.push(`${file}: hidden, so not served (--serve-hidden)`);
    } else if (fs.lstatSync(file).isSymbolicLink()) this.checkLink(path);
    else if (fs.statSync(file).isDirectory()) this.checkFolder(path);
    else if (fs.statSync(file).isFile()) this.checkFile(path);
    else this.report(path, "is neither a file nor a folder: 404");
  }

  /** A folder behind a link is not looked into: it is either elsewhere in the root, or not served. */
  private checkLink(path: string): void {
    let real = "";
    try {
      real = fs.realpathSync(`${this.root}${path}`);
    } catch {
      this.report(path, "is a link to nothing: 404");
      return;
    }
    if (real !== this.realRoot && !real.startsWith(`${this.realRoot}/`)) {
      this.report(path, `is a link out of the root, to ${real}: 404`);
    } else this.files += 1;
  }

  private checkFile(path: string): void {
    this.files += 1;
    const file = `${this.root}${path}`;
    fs.accessSync(file, fs.constants.R_OK);
    for (let i = 0; i < codingEndings.length; i++) {
      const ending = textAt(codingEndings, i);
      if (!path.endsWith(ending)) continue;
      const original = file.slice(0, file.length - ending.length);
      if (fs.existsSync(original) && fs.statSync(file).mtimeMs < fs.statSync(original).mtimeMs) {
        this.report(path, "is older than the file it is the compressed form of: compress it again");
      }
    }
  }

  private checkRules(path: string): void {
    const file = `${this.root}${path}`;
    if (!fs.existsSync(file)) return;
    const problems = new Problems(file);
    const text = fs.readFileSync(file, "utf8");
    if (path === "/_headers") parseHeadersFile(text, problems);
    else parseRedirectsFile(text, problems);
    for (let i = 0; i < problems.lines.length; i++) this.problems.push(textAt(problems.lines, i));
  }
}
