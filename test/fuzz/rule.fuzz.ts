/** Damaged `_headers` and `_redirects` into the code that reads and applies them: no field, host or line of a client's making. */
import { FieldList } from "../../server/field-list.ts";
import { parseHeadersFile } from "../../server/headers-file.ts";
import { parseRedirectsFile, type RedirectOutcome } from "../../server/redirects-file.ts";
import { routeTarget } from "../../server/route.ts";
import { Problems } from "../../server/rule-problems.ts";
import { type Attempt, attemptInputs, type FuzzOptions, type FuzzResult } from "./attempts.ts";
import { loadTexts } from "./kept-texts.ts";
import type { Random } from "./random.ts";
import { makeRuleTexts, makeTargets, type RuleTexts } from "./rule-texts.ts";

const problemLine = /^_(?:headers|redirects):[1-9]\d*: [^\p{Cc}]+$/u;
const maxProblemLines = 21;

function checkProblems(problems: Problems): string {
  if (problems.lines.length > maxProblemLines) return `${problems.lines.length} problems`;
  const wrong = problems.lines.find((line) => !problemLine.test(line));
  return wrong === undefined ? "" : `the problem ${JSON.stringify(wrong)}`;
}

// RFC 9110 5.1 and 5.5; what the server makes of the file and the connection is its own.
const fieldLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([\t -~]*)$/;
const ownNames =
  /^(?:accept-ranges|connection|content-encoding|content-length|content-range|date|etag|keep-alive|last-modified|location|te|trailer|transfer-encoding|upgrade)$/i;

function checkFields(fields: FieldList): string {
  const lines = fields.text().split("\r\n");
  if (lines.pop() !== "") return "a field without its line's end";
  for (const line of lines) {
    const [, name = ""] = fieldLine.exec(line) ?? [];
    if (name === "" || ownNames.test(name)) return `the field ${JSON.stringify(line)}`;
  }
  return "";
}

/** Where a browser goes by it: this site, or a host that the rules name. */
function checkLocation(location: string, text: string): string {
  if (!/^[!-~]+$/.test(location)) return `the location ${JSON.stringify(location)}`;
  if (location.startsWith("/")) return /^\/[/\\]/.test(location) ? `another host: ${location}` : "";
  const host = URL.parse(location)?.host;
  const named = text.split(/\s+/).map((word) => URL.parse(word)?.host);
  return host === undefined || named.includes(host) ? "" : `another host: ${location}`;
}

function checkOutcome(outcome: RedirectOutcome, text: string): string {
  if (outcome.status === 0) return "";
  if (![200, 301, 302, 303, 307, 308, 404].includes(outcome.status)) return `the status ${outcome.status}`;
  if (outcome.isRewrite() && !outcome.location.startsWith("/")) return `a rewrite to ${outcome.location}`;
  return checkLocation(outcome.location, text) || checkLocation(outcome.withQuery("?a=//b"), text);
}

function check(texts: RuleTexts, random: Random): Attempt {
  const headerProblems = new Problems("_headers");
  const redirectProblems = new Problems("_redirects");
  const headerRules = parseHeadersFile(texts.headers, headerProblems);
  const redirectRules = parseRedirectsFile(texts.redirects, redirectProblems);
  let failure = checkProblems(headerProblems) || checkProblems(redirectProblems);
  let hits = 0;
  for (const target of makeTargets(texts, random, 12)) {
    const { error, path } = routeTarget(target);
    if (error !== 0) continue;
    const fields = new FieldList();
    for (const rule of headerRules) rule.apply(path, fields);
    failure ||= checkFields(fields);
    for (const rule of redirectRules) {
      const outcome = rule.outcome(path);
      if (outcome.status !== 0) hits++;
      failure ||= checkOutcome(outcome, texts.redirects);
    }
  }
  return failure === "" ? (hits > 0 ? "matched" : "unmatched") : { failure };
}

export function fuzzRules(options: FuzzOptions): Promise<FuzzResult> {
  const kept = loadTexts("rule").map((text) => ({ headers: text, redirects: text }));
  return attemptInputs(options, kept, makeRuleTexts, check);
}
