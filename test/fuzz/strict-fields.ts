/**
 * What RFC 9110 says of Range, Accept-Encoding and lists of entity tags, with its grammar as regular expressions and
 * without a look at the server's own reading, so that the two can be held against each other.
 */

/** The bytes that a Range field asks for, each by its number; "whole" where it may be ignored. */
export type StrictRange = "whole" | "unsatisfiable" | ReadonlySet<number>;

const rangesSpecifier = /^bytes=(.*)$/i;
const intRange = /^(\d+)-(\d*)$/;
const suffixRange = /^-(\d+)$/;

function listOf(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.replaceAll(/^[ \t]+|[ \t]+$/g, ""))
    .filter((item) => item !== "");
}

/** 14.1.2 for one range: first byte and the one after the last; `undefined` where it is malformed. */
function readRange(spec: string, size: bigint): readonly [bigint, bigint] | undefined {
  const suffix = suffixRange.exec(spec);
  if (suffix !== null) {
    const length = BigInt(suffix[1] ?? 0);
    return [length >= size ? 0n : size - length, size];
  }
  const [, first = "", last = ""] = intRange.exec(spec) ?? [];
  if (first === "") return undefined;
  const end = last === "" ? size : BigInt(last) + 1n;
  if (last !== "" && end <= BigInt(first)) return undefined;
  return [BigInt(first), end < size ? end : size];
}

/** @param maxRanges more than these, or more bytes than there are, are no honest wish */
export function readRangeStrictly(field: string, size: number, maxRanges: number): StrictRange {
  const [, list] = rangesSpecifier.exec(field) ?? [];
  const specs = list === undefined ? [] : listOf(list);
  const ranges = specs.map((spec) => readRange(spec, BigInt(size)));
  if (ranges.length === 0 || ranges.length > maxRanges || ranges.includes(undefined)) return "whole";
  const lengths = ranges.map((range) =>
    range === undefined || range[1] <= range[0] ? 0n : range[1] - range[0],
  );
  const sum = lengths.reduce((total, length) => total + length, 0n);
  if (ranges.length > 1 && sum > BigInt(size)) return "whole";
  if (sum === 0n) return "unsatisfiable";
  const bytes = new Set<number>();
  for (const [start, end] of ranges.filter((range) => range !== undefined))
    for (let at = start; at < end; at++) bytes.add(Number(at));
  return bytes;
}

const qvalue = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/** 12.5.3: thousandths, or undefined where the field names neither the coding nor `*`. A bad weight asks for nothing. */
export function readQualityStrictly(field: string, coding: string): number | undefined {
  const names = coding === "gzip" ? ["gzip", "x-gzip"] : [coding];
  const items = field
    .toLowerCase()
    .split(",")
    .map((item) => /^[ \t]*([^;]*?)[ \t]*(?:;(.*))?$/s.exec(item));
  const named = items.find((item) => names.includes(item?.[1] ?? ""));
  const meant = named ?? items.findLast((item) => item?.[1] === "*");
  if (meant === undefined || meant === null) return undefined;
  if (meant[2] === undefined) return 1000;
  const weight = /^[ \t]*q=[ \t]*(.*?)[ \t]*$/s.exec(meant[2])?.[1] ?? "";
  return qvalue.test(weight) ? Math.round(Number(weight) * 1000) : 0;
}

const entityTag = /^(W\/)?("[!#-~\x80-\xff]*")$/;

/** 13.1.1 and 13.1.2 for a list that keeps to the grammar; undefined for one that does not. */
export function matchesStrictly(list: string, etag: string, strong: boolean): boolean | undefined {
  if (/^[ \t]*\*[ \t]*$/.test(list)) return true;
  const items = list.match(/(?:W\/)?"[!#-~\x80-\xff]*"|[ \t,]+|./gs) ?? [];
  const tags = items.filter((item) => !/^[ \t,]+$/.test(item)).map((item) => entityTag.exec(item));
  const isSeparated = /^[ \t,]*(?:(?:W\/)?"[!#-~\x80-\xff]*"[ \t]*(?:,[ \t,]*|$))*$/.test(list);
  if (!isSeparated || tags.includes(null)) return undefined;
  return tags.some((tag) => tag !== null && (!strong || tag[1] === undefined) && tag[2] === etag);
}
