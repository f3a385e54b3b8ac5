/** One way to authenticate that a server offers in `WWW-Authenticate` (RFC 9110 section 11.6.1). */
export interface Challenge {
  /** In small letters: `bearer`, `basic`. */
  scheme: string;
  parameters: Readonly<Record<string, string>>;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameterPattern = new RegExp(`(${token})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))`, "y");
const schemePattern = new RegExp(`(${token})(?=[ \\t]|,|$)`, "y");
const separatorPattern = /[ \t,]*/y;

/** A comma ends a parameter as well as a challenge: what stands after one is a scheme when no `=` follows it. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let position = 0;
  const take = (pattern: RegExp) => {
    pattern.lastIndex = position;
    const match = pattern.exec(header);
    if (match !== null) position = pattern.lastIndex;
    return match;
  };
  for (take(separatorPattern); position < header.length; take(separatorPattern)) {
    const parameter = take(parameterPattern);
    const current = challenges.at(-1);
    if (parameter !== null) {
      const [, name = "", quoted, plain] = parameter;
      if (current !== undefined) {
        current.parameters[name.toLowerCase()] = quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "";
      }
      continue;
    }
    const scheme = take(schemePattern);
    // Not what the RFC allows; what was understood up to here is used.
    if (scheme === null) break;
    challenges.push({ scheme: (scheme[1] ?? "").toLowerCase(), parameters: {} });
  }
  return challenges;
}
