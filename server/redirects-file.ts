/**
 * `_redirects` as on Cloudflare Pages and Netlify: `from to [code][!]`, the first rule that matches counts.
 * As on Netlify a file goes before a rule, unless the code ends in `!`. Not supported, and reported: matching by
 * query parameters, country, language, cookie or role, rules for one host, and 200 to another server.
 */
import { PathPattern } from "./path-pattern.ts";
import { encodeLocation, encodePath } from "./route.ts";
import { maxLineLength, type Problems } from "./rule-problems.ts";
import { numberAt, textAt } from "./text.ts";

/** Cloudflare's limits. */
const maxStaticRules = 2000;
const maxDynamicRules = 100;
/** Cloudflare's default; a browser would remember a 301, Netlify's, for good. */
const defaultCode = "302";
const codes = [200, 301, 302, 303, 307, 308, 404];

/** What a rule says for one path. */
export class RedirectOutcome {
  /** 200 and 404: `location` is a path of this site whose file is sent. */
  readonly status: number;
  readonly location: string;
  /** Whether it goes before a file. */
  readonly isForced: boolean;
  constructor(status: number, location: string, isForced: boolean) {
    this.status = status;
    this.location = location;
    this.isForced = isForced;
  }

  isRewrite(): boolean {
    return this.status === 200 || this.status === 404;
  }

  /** The location with the query of the request, unless it has one of its own. */
  withQuery(query: string): string {
    const hash = this.location.indexOf("#");
    const end = hash < 0 ? this.location.length : hash;
    if (this.location.includes("?")) return this.location;
    return `${this.location.slice(0, end)}${query}${this.location.slice(end)}`;
  }
}

function withoutEndSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, path.length - 1) : path;
}

/** What stands before a query and a fragment. */
export function pathOf(location: string): string {
  const path = textAt(location.split("#"), 0);
  return textAt(path.split("?"), 0);
}

/**
 * A location of this site starts with exactly one slash: browsers take `//host` and `/\host` for another host, and
 * what a placeholder stands for may start with a slash.
 */
function withOneSlash(location: string): string {
  let at = 0;
  while (location.charAt(at) === "/" || location.charAt(at) === "\\") at++;
  return at < 2 ? location : `/${location.slice(at)}`;
}

/** 0 where the text is no code. */
function findCode(text: string): number {
  for (let i = 0; i < codes.length; i++) {
    const code = numberAt(codes, i);
    if (text === `${code}`) return code;
  }
  return 0;
}

export class RedirectRule {
  readonly pattern: PathPattern;
  private readonly target: string;
  private readonly status: number;
  private readonly isForced: boolean;
  /** What keeps it from being used, or "". */
  readonly problem: string;

  /** @param words of the line, without its comment */
  constructor(words: readonly string[]) {
    this.pattern = new PathPattern(textAt(words, 0));
    this.target = encodeLocation(textAt(words, 1));
    const code = words.length < 3 ? defaultCode : textAt(words, 2);
    this.isForced = code.endsWith("!");
    this.status = findCode(this.isForced ? code.slice(0, code.length - 1) : code);
    this.problem = words.length < 2 ? 'a rule is "from to", and a code or not' : this.findProblem();
    if (this.problem === "" && words.length > 3) this.problem = "conditions are not supported";
  }

  private findProblem(): string {
    const target = this.target;
    const host = target.indexOf("://") + 3;
    if (this.pattern.problem !== "") return this.pattern.problem;
    if (!target.includes("/") && target.includes("=")) return "matching by query parameters is not supported";
    if (this.status === 0) return `the code is one of ${codes.join(" ")} with ! or not`;
    if (target.startsWith("//")) return "write https:// before the host";
    if (target.startsWith("/")) return "";
    if (!target.startsWith("https://") && !target.startsWith("http://"))
      return "a target starts with a slash, https:// or http://";
    if (this.status === 200 || this.status === 404) return `${this.status} needs a path of this site`;
    const slash = target.indexOf("/", host);
    const authority = slash < 0 ? target : target.slice(0, slash);
    // Browsers look for the host behind any number of slashes, so what a client fills in could become it.
    if (authority.length === host || authority.includes("\\")) return "a host must stand after ://";
    // "https://example.com:splat" could become https://example.com.evil.example.
    return this.pattern.fill(authority) === authority
      ? ""
      : "a placeholder in the host would let a client choose it";
  }

  /** What it says for a decoded path; status 0 where it does not match. */
  outcome(path: string): RedirectOutcome {
    if (!this.pattern.matches(path)) return noOutcome;
    const filled = this.pattern.fill(this.target);
    const outcome = new RedirectOutcome(this.status, withOneSlash(filled), this.isForced);
    // A redirect to where it comes from: browsers give up on it after twenty times.
    const leadsBack = withoutEndSlash(pathOf(outcome.location)) === withoutEndSlash(encodePath(path));
    return leadsBack && !outcome.isRewrite() ? noOutcome : outcome;
  }
}

export const noOutcome = new RedirectOutcome(0, "", false);

/** The words of a line up to a comment. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  const all = line.split("\t").join(" ").split(" ");
  for (let i = 0; i < all.length; i++) {
    const word = textAt(all, i);
    if (word.startsWith("#")) break;
    if (word !== "") words.push(word);
  }
  return words;
}

export function parseRedirectsFile(text: string, problems: Problems): RedirectRule[] {
  const rules: RedirectRule[] = [];
  let dynamicCount = 0;
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = textAt(lines, i).trim();
    const words = wordsOf(line);
    if (words.length === 0) continue;
    const rule = new RedirectRule(words);
    const isDynamic = rule.pattern.names.length > 0;
    let problem = rule.problem;
    if (line.length > maxLineLength) problem = `longer than ${maxLineLength} characters`;
    else if (isDynamic && dynamicCount === maxDynamicRules)
      problem = `more than ${maxDynamicRules} rules with placeholders or *`;
    else if (!isDynamic && rules.length - dynamicCount === maxStaticRules)
      problem = `more than ${maxStaticRules} rules without placeholders`;
    if (problem !== "") problems.add(i + 1, line, problem);
    else {
      rules.push(rule);
      if (isDynamic) dynamicCount += 1;
    }
  }
  return rules;
}

/** What the first rule that matches a decoded path says; status 0 where none does. */
export function findRedirect(rules: readonly RedirectRule[], path: string): RedirectOutcome {
  for (const rule of rules) {
    const outcome = rule.outcome(path);
    if (outcome.status !== 0) return outcome;
  }
  return noOutcome;
}
