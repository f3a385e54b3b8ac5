/** `_headers`, `_redirects` and the files themselves: what the server's own `--check` says, and where redirects lead. */
import { existsSync, readFileSync } from "node:fs";
import { type Options, pathOf, SiteCheck } from "../../server/library.ts";
import type { Addresses } from "./addresses.ts";
import type { Finding } from "./finding.ts";

export function checkRules(options: Options, addresses: Addresses): Finding[] {
  const check = new SiteCheck(options.rootDirectory, options.serveHidden);
  check.run();
  return [
    ...check.problems.map((line) => toFinding(line, options.rootDirectory)),
    ...checkTargets(options, addresses),
  ];
}

/** `folder/_redirects:3: the reason: the line` or `folder/name: the reason` */
function toFinding(text: string, root: string): Finding {
  const rest = text.slice(root.length + 1);
  const [, file = "", line, reason = ""] = /^(_headers|_redirects):(\d+): (.*)$/.exec(rest) ?? [];
  if (file !== "") return { kind: "rules", file, line: Number(line), column: 1, message: reason };
  const end = rest.lastIndexOf(": ", rest.endsWith(": 404") ? rest.length - 6 : rest.length);
  return {
    kind: "files",
    file: rest.slice(0, end),
    line: undefined,
    column: undefined,
    message: rest.slice(end + 2),
  };
}

/** Redirects without placeholders are followed to where they lead. */
function checkTargets({ rootDirectory }: Options, addresses: Addresses): Finding[] {
  const path = `${rootDirectory}/_redirects`;
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.flatMap((line, index): Finding[] => {
    const [from = "", to = ""] = line
      .replace(/(^|\s)#.*/, "")
      .trim()
      .split(/\s+/);
    if (!to.startsWith("/") || /[:*]/.test(from + to)) return [];
    const { kind } = addresses.find(encodeURI(pathOf(to)).replaceAll("%25", "%"));
    const place = { file: "_redirects", line: index + 1, column: line.indexOf(to) + 1 };
    if (kind === "loop") return [{ kind: "redirect-loop", ...place, message: `${from} leads in a circle` }];
    return kind === "missing" ? [{ kind: "broken-link", ...place, message: `${to} is not there` }] : [];
  });
}
