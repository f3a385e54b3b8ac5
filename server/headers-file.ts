/**
 * `_headers` as on Cloudflare Pages and Netlify: a line with a path, below it `Name: value` lines. All rules that match
 * apply in their order; the first to set a field replaces what the server would send, later ones are added
 * after a comma; `! Name` removes it.
 */
import type { FieldList } from "./field-list.ts";
import { PathPattern } from "./path-pattern.ts";
import { maxLineLength, type Problems } from "./rule-problems.ts";
import { isFieldValue, textAt } from "./text.ts";

/** As Cloudflare Pages allows. */
const maxRules = 100;
/** They follow from the file and the connection; another value would break the message (RFC 9110, 9112). */
const ownNames =
  " accept-ranges connection content-encoding content-length content-range date etag keep-alive last-modified location te trailer transfer-encoding upgrade ";

function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 32 || code > 126 || '"(),/:;<=>?@[\\]{}'.includes(text.charAt(i))) return false;
  }
  return text !== "";
}

export class HeaderRule {
  readonly pattern: PathPattern;
  private readonly names: string[] = [];
  /** Of the same index; for a name that is removed "!". */
  private readonly values: string[] = [];
  constructor(pattern: PathPattern) {
    this.pattern = pattern;
  }

  /** Takes a line below the path; the reason where it can't be used, or "". */
  read(line: string): string {
    const isRemoval = line.startsWith("!");
    const colon = isRemoval ? line.length : line.indexOf(":");
    const name = line.slice(isRemoval ? 1 : 0, Math.max(colon, 0)).trim();
    const value = isRemoval ? "!" : line.slice(colon + 1).trim();
    const key = name.toLowerCase();
    if (!isToken(name)) return `"${line}" is neither a path nor "Name: value"`;
    if (ownNames.includes(` ${key} `)) return `${name} is set by the server alone`;
    if (value === "" || !isFieldValue(value)) return `the value of ${name} is empty or not plain ASCII`;
    // Sent with every answer in any case.
    if (key === "x-content-type-options") return value === "nosniff" ? "" : `${name} is always nosniff`;
    this.names.push(name);
    this.values.push(value);
    return "";
  }

  /** Changes the fields of the answer to a path where it matches. */
  apply(path: string, fields: FieldList): void {
    if (!this.pattern.matches(path)) return;
    for (let i = 0; i < this.names.length; i++) {
      const name = textAt(this.names, i);
      const value = textAt(this.values, i);
      if (value === "!") fields.take(name);
      else fields.add(name, this.pattern.fill(value));
    }
  }
}

/** Begins at the margin, and is no `Name: value`. */
function isMeantAsPath(line: string): boolean {
  if (line.startsWith(" ") || line.startsWith("\t") || line.startsWith("!")) return false;
  const colon = line.indexOf(":");
  return colon < 0 || !isToken(line.slice(0, colon).trim());
}

export function parseHeadersFile(text: string, problems: Problems): HeaderRule[] {
  const rules: HeaderRule[] = [];
  // Lines below no path, or below one that can't be used, are kept nowhere.
  let rule = new HeaderRule(new PathPattern("/"));
  let hasPath = false;
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const whole = textAt(lines, i);
    const line = whole.trim();
    let problem = "";
    if (line === "" || line.startsWith("#")) continue;
    if (line.length > maxLineLength) problem = `longer than ${maxLineLength} characters`;
    else if (line.startsWith("/") || line.startsWith("http://") || line.startsWith("https://")) {
      hasPath = true;
      rule = new HeaderRule(new PathPattern(line));
      problem = rules.length < maxRules ? rule.pattern.problem : `more than ${maxRules} paths`;
      if (problem === "") rules.push(rule);
    } else {
      // Without its slash a path's lines would be taken for those of the path above it.
      if (isMeantAsPath(whole)) rule = new HeaderRule(new PathPattern("/"));
      problem = hasPath ? rule.read(line) : "stands below no path";
    }
    if (problem !== "") problems.add(i + 1, line, problem);
  }
  return rules;
}
