import semver from "semver";
import { z } from "zod";
import type { Ordered } from "../store/acceptance.ts";

/** By what a service tells an older release from a newer one. */
export const orders = ["arrival", "tag-number", "semver", "pushed-at"] as const;

export type Order = (typeof orders)[number];

export function orderSchema() {
  return z.enum(orders).default("arrival").describe("by what an older release is told from a newer one");
}

/**
 * Whether the first release is older than the second one. Where that cannot be said (a tag without a number, a push
 * without a time) it is not: the one that arrives later is then the newer one.
 */
export function isOlder(order: Order, tags: RegExp, release: Ordered, other: Ordered): boolean {
  switch (order) {
    case "arrival":
      return false;
    case "pushed-at":
      return compareDefined(release.pushedAtMs, other.pushedAtMs, (a, b) => a - b) < 0;
    case "semver":
      return compareDefined(readVersion(release.tag, tags), readVersion(other.tag, tags), semver.compare) < 0;
    case "tag-number":
      return compareDefined(readNumbers(release.tag, tags), readNumbers(other.tag, tags), compareNumbers) < 0;
  }
}

function compareDefined<Value>(
  a: Value | null,
  b: Value | null,
  compare: (a: Value, b: Value) => number,
): number {
  return a === null || b === null ? 0 : compare(a, b);
}

/** What `tags` captures when it captures something, else the tag's own version, which may stand after a prefix. */
function readVersion(tag: string, tags: RegExp): semver.SemVer | null {
  const [captured] = captures(tag, tags);
  const text = captured ?? /\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/.exec(tag)?.[0];
  return text === undefined ? null : semver.parse(text);
}

/**
 * The numbers that `tags` captures, to be compared from left to right; without any, the longest run of digits, of
 * equally long ones the last: in `release-20230103082900-amd64` the date.
 */
function readNumbers(tag: string, tags: RegExp): bigint[] | null {
  const captured = captures(tag, tags).filter((text) => /^\d+$/.test(text));
  if (captured.length > 0) return captured.map(BigInt);
  const runs = tag.match(/\d+/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length >= best.length ? run : best), "");
  return longest === "" ? null : [BigInt(longest)];
}

function captures(tag: string, tags: RegExp): string[] {
  const groups = tags.exec(tag)?.slice(1) ?? [];
  return groups.filter((text) => text !== undefined);
}

function compareNumbers(a: readonly bigint[], b: readonly bigint[]): number {
  for (const [index, number] of a.entries()) {
    const other = b[index] ?? 0n;
    if (number !== other) return number < other ? -1 : 1;
  }
  return 0;
}
