import { posix } from "node:path";

/** What is left out of a folder, by the rules of `.dockerignore`: the last that matches decides. */
export interface IgnoreRules {
  isIgnored(path: string): boolean;
  /** Whether something below an ignored folder may be wanted again, by a rule with `!`. */
  mayBeWantedBelow(path: string): boolean;
}

interface Rule {
  isException: boolean;
  pattern: RegExp;
}

/** Throws an Error for a line that is no pattern, with its words. */
export function parseIgnoreRules(lines: readonly string[]): IgnoreRules {
  const rules = lines.map(parseRule).filter((rule) => rule !== undefined);
  const hasExceptions = rules.some(({ isException }) => isException);
  const decide = (path: string, isAbove: boolean): boolean => {
    const rule = rules.findLast(({ pattern }) => pattern.test(path));
    return rule === undefined ? isAbove : !rule.isException;
  };
  return {
    // What matches a folder matches all below it; a rule for something below goes before.
    isIgnored(path) {
      let ignored = false;
      for (const prefix of prefixesOf(path)) ignored = decide(prefix, ignored);
      return ignored;
    },
    mayBeWantedBelow: () => hasExceptions,
  };
}

function prefixesOf(path: string): string[] {
  const parts = path.split("/");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

function parseRule(line: string): Rule | undefined {
  const trimmed = line.trim();
  if (trimmed === "" || trimmed.startsWith("#")) return undefined;
  const isException = trimmed.startsWith("!");
  const text = (isException ? trimmed.slice(1) : trimmed).trim();
  const path = posix.normalize(text).replace(/^(?:\.?\/)+|\/+$/g, "");
  if (path === "" || path === ".") return isException ? undefined : { isException, pattern: /^/ };
  return { isException, pattern: toRegularExpression(path, line) };
}

/** Go's `filepath.Match`, and `**` for any number of folders. */
function toRegularExpression(pattern: string, line: string): RegExp {
  let source = "";
  for (let at = 0; at < pattern.length; ) {
    const rest = pattern.slice(at);
    const [token = ""] = /^(?:\*\*\/|\*\*|\*|\?|\[\^?\]?[^\]]*\]|\\.|[\s\S])/.exec(rest) ?? [];
    source += translate(token);
    at += token.length;
  }
  try {
    return new RegExp(`^${source}$`, "su");
  } catch {
    throw new Error(`'${line.trim()}' is not a pattern as in .dockerignore`);
  }
}

function translate(token: string): string {
  if (token === "**/") return "(?:.*/)?";
  if (token === "**") return ".*";
  if (token === "*") return "[^/]*";
  if (token === "?") return "[^/]";
  if (token.startsWith("[") && token.length > 1) return token.replace(/[[\]](?!$)(?<!^.)/g, "\\$&");
  const literal = token.startsWith("\\") && token.length === 2 ? token.slice(1) : token;
  return literal.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
