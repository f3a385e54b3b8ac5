/** Damaged heads into the parser on Node, held against an independent reading of RFC 9112. */

import type { Head } from "../../server/head/head.ts";
import {
  findHeadEnd,
  headIncomplete,
  headMalformed,
  maxHeadBytes,
  maxRequestLineBytes,
  oversizeStatus,
} from "../../server/head/head-end.ts";
import { parseHead } from "../../server/head/head-parser.ts";
import { routeTarget } from "../../server/route.ts";
import { guardBuffer } from "./guarded-buffer.ts";
import { escapeInput, loadCorpus } from "./input.ts";
import { mutate } from "./mutation.ts";
import { Random } from "./random.ts";
import { rightRequests } from "./requests.ts";
import { readStrictly, type StrictRequest } from "./strict-request.ts";

export interface HeadFuzzResult {
  readonly inputs: number;
  /** Heads that the parser took for right ones. */
  readonly accepted: number;
  readonly refused: number;
  /** Each with the input that shows it. */
  readonly failures: readonly string[];
}

const statuses = [400, 414, 417, 431, 501, 505];
const comparedFields: readonly (readonly [string, keyof Head])[] = [
  ["connection", "connection"],
  ["range", "range"],
  ["expect", "expect"],
  ["if-match", "ifMatch"],
  ["if-range", "ifRange"],
  ["if-none-match", "ifNoneMatch"],
  ["if-modified-since", "ifModifiedSince"],
  ["if-unmodified-since", "ifUnmodifiedSince"],
  ["accept-encoding", "acceptEncoding"],
];
const conditionalFields = [
  "range",
  "if-match",
  "if-range",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
];

/** An empty line of a field's several adds nothing to their list (RFC 9110 5.6.1.2). */
function withoutEmptyItems(value: string): string {
  return value
    .split(", ")
    .filter((item) => item !== "")
    .join(", ");
}

function describeDifference(head: Head, strict: StrictRequest): string {
  for (const name of ["method", "target", "minor", "contentLength", "keepAlive"] as const) {
    if (head[name] !== strict[name]) return `${name} is ${head[name]}, by the RFC ${strict[name]}`;
  }
  for (const [field, name] of comparedFields) {
    const expected = withoutEmptyItems(strict.fields.get(field) ?? "");
    const actual = withoutEmptyItems(String(head[name]));
    if (actual !== expected)
      return `${field} is ${JSON.stringify(actual)}, by the RFC ${JSON.stringify(expected)}`;
  }
  const isConditional = conditionalFields.some((field) => strict.fields.has(field));
  if (head.isConditional !== isConditional) return `isConditional is ${head.isConditional}`;
  return "";
}

function isWithinLimits(text: string): boolean {
  const lines = text.split("\r\n");
  return (lines[0] ?? "").length <= maxRequestLineBytes && text.length <= maxHeadBytes && lines.length <= 103;
}

/** What is wrong with the reading of one complete head, or "". */
function checkHead(text: string, head: Head): string {
  const strict = readStrictly(text);
  if (head.error !== 0) {
    if (!statuses.includes(head.error)) return `refused with ${head.error}`;
    if (head.keepAlive) return "refused, but the connection is kept";
    // A list of codings with empty items is right, but nobody honest sends one.
    const isDoubtful = "rule" in strict || (head.error === 501 && strict.contentLength < 0);
    return isDoubtful || !isWithinLimits(text) ? "" : `refused with ${head.error}, right by the RFC`;
  }
  return "rule" in strict ? `accepted, refused by ${strict.rule}` : describeDifference(head, strict);
}

/** A path that leads out of the root or that a file system would read otherwise, or "". */
function checkRoute({ target, isPlainPath }: Head): string {
  const { error, path, query } = routeTarget(target);
  if (isPlainPath && (path !== target || query !== "")) return `plain, but routed to ${JSON.stringify(path)}`;
  if (error !== 0) return error === 400 || error === 404 ? "" : `routed with ${error}`;
  const isSafe = path.startsWith("/") && !/\/\/|\0|\/\.\.?(?:\/|$)/.test(path);
  return isSafe ? "" : `routed to ${JSON.stringify(path)}`;
}

/** Where the end is found when the bytes come in pieces. */
function findInPieces(bytes: Buffer, random: Random): number {
  let seen = 0;
  let scanned = 0;
  while (seen < bytes.length) {
    seen = Math.min(bytes.length, seen + 1 + random.below(random.chance(0.5) ? 3 : 200));
    const end = findHeadEnd(guardBuffer(bytes.subarray(0, seen)), 0, scanned);
    if (end !== headIncomplete) return end;
    oversizeStatus(guardBuffer(bytes.subarray(0, seen)), 0);
    scanned = seen;
  }
  return headIncomplete;
}

type Outcome =
  | { readonly kind: "accepted" | "refused" }
  | { readonly kind: "failed"; readonly problem: string };

function check(text: string, random: Random): Outcome {
  try {
    const bytes = Buffer.from(text, "latin1");
    const guarded = guardBuffer(bytes);
    const end = findHeadEnd(guarded, 0, 0);
    const inPieces = findInPieces(bytes, random);
    if (inPieces !== end) return { kind: "failed", problem: `the end is ${end}, in pieces ${inPieces}` };
    if (end === headIncomplete || end === headMalformed) return { kind: "refused" };
    const head = parseHead(guarded, 0, end);
    const problem = checkHead(text.slice(0, end), head) || (head.error === 0 ? checkRoute(head) : "");
    if (problem !== "") return { kind: "failed", problem };
    return { kind: head.error === 0 ? "accepted" : "refused" };
  } catch (error) {
    return { kind: "failed", problem: `threw ${error}` };
  }
}

/** A damaged request, ended if the damage took its end, without the empty lines that a connection skips. */
function makeHead(random: Random, starts: readonly string[]): string {
  const damaged = mutate(random.pick(starts), random, starts).replace(/^(?:\r\n)+/, "");
  return damaged.includes("\r\n\r\n") ? damaged : `${damaged}\r\n\r\n`;
}

/** Runs for `seconds`, or through `inputs` inputs, whichever ends first. Stops at ten failures. */
export function fuzzHeads(options: { seed: number; seconds: number; inputs?: number }): HeadFuzzResult {
  const { seed, seconds, inputs = Number.POSITIVE_INFINITY } = options;
  const starts = [...rightRequests, ...loadCorpus().map(({ parts }) => parts.join(""))];
  const deadline = performance.now() + seconds * 1000;
  const failures: string[] = [];
  let count = 0;
  let accepted = 0;
  for (; count < inputs && failures.length < 10 && performance.now() < deadline; count++) {
    const random = new Random(seed + count);
    const text = count < starts.length ? (starts[count] ?? "") : makeHead(random, starts);
    const outcome = check(text, random);
    if (outcome.kind === "failed") failures.push(`${outcome.problem}: ${escapeInput([text])}`);
    else if (outcome.kind === "accepted") accepted += 1;
  }
  return { inputs: count, accepted, refused: count - accepted - failures.length, failures };
}
