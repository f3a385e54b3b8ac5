/** Damaged Range, Accept-Encoding, entity tags and dates into the server's readers, held against RFC 9110. */
import { tagListMatches } from "../../server/conditional.ts";
import { formatHttpDate, parseHttpDate } from "../../server/http-date.ts";
import { chooseCoding, codingQuality } from "../../server/negotiate.ts";
import { resolveRange } from "../../server/range.ts";
import { type Attempt, attemptInputs, type FuzzOptions, type FuzzResult } from "./attempts.ts";
import { loadTexts } from "./kept-texts.ts";
import { mutate } from "./mutation.ts";
import type { Random } from "./random.ts";
import { matchesStrictly, readQualityStrictly, readRangeStrictly } from "./strict-fields.ts";

/** Of a file that is tagged so. */
const etag = '"f3b1a42059eb7a66"';
const maxRanges = 16;

const starts: readonly string[] = [
  ...["bytes=0-0", "bytes=2-5", "bytes=-3", "bytes=4-", "bytes=0-1,3-4", "bytes=9-, 0-0 ,-1", "bytes=0-999"],
  ...["gzip, deflate, br, zstd", "gzip;q=0.5, br;q=0.8, *;q=0", "identity;q=0, x-gzip;q=1.000", "br;q=0.001"],
  ...[etag, `W/${etag}`, `"x", ${etag}`, `"a,b" , W/"c"`, "*"],
  ...["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
];

function checkRange(field: string, random: Random): string {
  const size = random.pick([0, 1, 10, 10, 500]);
  const result = resolveRange(field, size);
  const expected = readRangeStrictly(field, size, maxRanges);
  if (typeof expected === "string")
    return result.kind === expected ? "" : `${result.kind}, by the RFC ${expected}`;
  if (result.kind !== "slices") return `${result.kind}, by the RFC ${expected.size} of ${size} bytes`;
  const seen = new Set<number>();
  for (const index of result.starts.keys()) {
    const [start, length] = [result.startAt(index), result.lengthAt(index)];
    if (length <= 0 || start < 0 || start + length > size)
      return `a slice of ${length} bytes at ${start} of ${size}`;
    for (let at = start; at < start + length; at++) {
      if (seen.has(at)) return `byte ${at} twice`;
      seen.add(at);
    }
  }
  return seen.size === expected.size && [...expected].every((at) => seen.has(at))
    ? ""
    : `${seen.size} bytes, by the RFC ${expected.size} of ${size}`;
}

const codings = ["br", "zstd", "gzip"];

function checkCoding(field: string): string {
  for (const coding of [...codings, "identity"]) {
    const actual = codingQuality(field, coding);
    const expected = readQualityStrictly(field, coding) ?? -1;
    if (actual !== expected) return `${coding} has ${actual} thousandths, by the RFC ${expected}`;
  }
  const chosen = chooseCoding(field, codings, [10, 11, 12], 100);
  const weight = chosen < 0 ? 1 : codingQuality(field, codings[chosen] ?? "");
  return weight > 0 ? "" : `${codings[chosen]} is sent, and refused by the field`;
}

function checkTags(field: string): string {
  for (const strong of [true, false]) {
    const expected = matchesStrictly(field, etag, strong);
    const actual = tagListMatches(field, etag, strong);
    if (expected !== undefined && actual !== expected) return `matches: ${actual}, by the RFC ${expected}`;
  }
  return "";
}

const nowMs = Date.UTC(2026, 0, 1);

/** What is taken for a date means the same time when it is written again. */
function checkDate(field: string): string {
  const timeMs = parseHttpDate(field, nowMs);
  if (timeMs === -1) return "";
  if (!Number.isSafeInteger(timeMs) || timeMs < 0) return `the time ${timeMs}`;
  const again = parseHttpDate(formatHttpDate(timeMs), nowMs);
  return again === timeMs ? "" : `${timeMs}, written and read again ${again}`;
}

function check(field: string, random: Random): Attempt {
  const failure = checkRange(field, random) || checkCoding(field) || checkTags(field) || checkDate(field);
  if (failure !== "") return { failure };
  return resolveRange(field, 10).kind;
}

export function fuzzFields(options: FuzzOptions): Promise<FuzzResult> {
  const kept = loadTexts("field");
  // Longer ones only make the other reading slow, whose expressions go back and forth.
  const make = (random: Random) => mutate(random.pick(starts), random, starts).slice(0, 1000);
  return attemptInputs(options, [...kept, ...starts], make, check);
}
