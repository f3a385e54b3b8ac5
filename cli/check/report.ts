import { join } from "node:path";
import { clean, paint } from "../terminal.ts";
import type { Finding } from "./finding.ts";
import type { CheckResult } from "./site.ts";

/** A link in a site's navigation is broken in each of its pages: the first few places tell where to look. */
const placesNamed = 3;

/** A line for each finding, as editors and terminals know them: `folder/page.html:12:5: what it is`. */
export function describeResult(
  folder: string,
  { findings, files, pages, references }: CheckResult,
  isWhole: boolean,
  stream: NodeJS.WriteStream,
): string {
  const groups = isWhole ? findings.map((finding) => [finding]) : group(findings);
  const lines = groups.flatMap((places) => describeGroup(folder, places, stream));
  const counted = `${count(files, "file")}, ${count(pages, "page")}, ${count(references, "reference")}`;
  const outcome = findings.length === 0 ? "nothing found" : `${count(findings.length, "finding")}`;
  const summary = `${clean(folder)}: ${counted}: ${paint(outcome, findings.length === 0 ? "green" : "red", stream)}`;
  return [...lines, summary].join("\n");
}

/** Those that say the same, in the order of their first places. */
function group(findings: readonly Finding[]): Finding[][] {
  return [...Map.groupBy(findings, ({ kind, message }) => `${kind} ${message}`).values()];
}

function describeGroup(folder: string, places: readonly Finding[], stream: NodeJS.WriteStream): string[] {
  const named = places.slice(0, placesNamed).map((finding) => describeFinding(folder, finding, stream));
  const more = places.length - named.length;
  return more === 0
    ? named
    : [...named, paint(`  the same in ${count(more, "more place")}: --all`, "dim", stream)];
}

function describeFinding(folder: string, finding: Finding, stream: NodeJS.WriteStream): string {
  const { file, line, column, kind, message } = finding;
  const place = [join(folder, file), line, column].filter((part) => part !== undefined).join(":");
  return `${paint(clean(place), "bold", stream)}: ${clean(message)} ${paint(`(${kind})`, "yellow", stream)}`;
}

function count(number: number, what: string): string {
  return `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;
}
