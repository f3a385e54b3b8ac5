/**
 * Paths with placeholders (`/blog/:year/:slug`) and a splat (`/docs/*`) as `_headers` and `_redirects` have them.
 * Matching goes forward once, without trying again, so that no path a client makes up can cost more than its length.
 */
import { decodePath, encodePath } from "./route.ts";
import { textAt } from "./text.ts";

/** Where the name that starts at `at` ends; `at` where there is none. */
function nameEnd(text: string, at: number): number {
  let end = at;
  while (end < text.length) {
    const code = text.charCodeAt(end) | 32;
    const isLetter = code >= 97 && code <= 122;
    const isOther = text.charAt(end) === "_" || (text.charCodeAt(end) >= 48 && text.charCodeAt(end) <= 57);
    if (!isLetter && (!isOther || end === at)) break;
    end++;
  }
  return end;
}

export class PathPattern {
  /** As it stands in the file. */
  readonly text: string;
  /** What keeps it from being used, or "". */
  problem = "";
  /** Of placeholders in their order; the splat's is "splat". */
  readonly names: string[] = [];
  /** Decoded text before, between and after the placeholders: one more than these. */
  private readonly literals: string[] = [];
  /** What the placeholders stood for in the last path that matched. */
  private values: string[] = [];

  constructor(text: string) {
    this.text = text;
    if (text.includes("://")) this.problem = "rules for one host are not supported, write the path alone";
    else if (!text.startsWith("/")) this.problem = "a path starts with a slash";
    else if (text.includes("?")) this.problem = "a query can't be matched";
    else this.parse(text);
  }

  private parse(text: string): void {
    let start = 0;
    for (let i = 0; i < text.length; i++) {
      const isSplat = text.charAt(i) === "*";
      const end = isSplat ? i + 1 : text.charAt(i) === ":" ? nameEnd(text, i + 1) : 0;
      // A colon alone is an ordinary character.
      if (end === 0 || (!isSplat && end === i + 1)) continue;
      if (this.names.includes("splat")) this.problem = "nothing can be matched after *";
      if (i === start && i > 0 && this.names.length > 0)
        this.problem = "something must stand between placeholders";
      this.addLiteral(text.slice(start, i));
      this.names.push(isSplat ? "splat" : text.slice(i + 1, end));
      start = end;
      i = end - 1;
    }
    this.addLiteral(text.slice(start));
  }

  /** A part of the path may be percent-encoded. */
  private addLiteral(text: string): void {
    const decoded = decodePath(Buffer.from(text, "utf8").toString("latin1"));
    if (decoded === "" && text !== "") this.problem = "a broken percent escape";
    this.literals.push(decoded);
  }

  /**
   * Whether a decoded path matches. A slash at its end does not matter, as on Netlify; so `/docs/*` matches
   * `/docs` too.
   */
  matches(path: string): boolean {
    if (this.matchesExactly(path)) return true;
    if (path === "/") return false;
    return this.matchesExactly(path.endsWith("/") ? path.slice(0, path.length - 1) : `${path}/`);
  }

  private matchesExactly(path: string): boolean {
    let before = textAt(this.literals, 0);
    if (!path.startsWith(before)) return false;
    let at = before.length;
    this.values = [];
    for (let i = 0; i < this.names.length; i++) {
      const isSplat = textAt(this.names, i) === "splat";
      before = textAt(this.literals, i + 1);
      const end = isSplat ? path.length - before.length : segmentEnd(path, at, before);
      if (end < at || (end === at && !isSplat)) return false;
      if (path.slice(end, end + before.length) !== before) return false;
      this.values.push(path.slice(at, end));
      at = end + before.length;
    }
    return at === path.length;
  }

  /**
   * Puts what was matched last where `:name` stands. It comes from the client, so it is percent-encoded: no line
   * break and no quote gets into a header field by it.
   */
  fill(template: string): string {
    const parts: string[] = [];
    let start = 0;
    let colon = this.names.length === 0 ? -1 : template.indexOf(":");
    while (colon >= 0) {
      const end = nameEnd(template, colon + 1);
      const index = this.names.indexOf(template.slice(colon + 1, end));
      if (index >= 0) {
        parts.push(template.slice(start, colon), encodePath(textAt(this.values, index)));
        start = end;
      }
      colon = template.indexOf(":", colon + 1);
    }
    return `${parts.join("")}${template.slice(start)}`;
  }
}

/** Where a placeholder from `at` ends: at what comes after it in the pattern, and at a slash at the latest. */
function segmentEnd(path: string, at: number, after: string): number {
  const slash = path.indexOf("/", at);
  const last = slash < 0 ? path.length : slash;
  if (after === "" || after.startsWith("/")) return last;
  const found = path.indexOf(after, at + 1);
  return found > last ? -1 : found;
}
