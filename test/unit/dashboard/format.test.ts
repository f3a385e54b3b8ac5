import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  formatAgo,
  formatBytes,
  formatCount,
  formatDate,
  formatDuration,
  shortDigest,
} from "../../../hook/dashboard/client/format.ts";

/** As it is read: the spaces at which no line ends are spaces. */
const read = (text: string) => text.replaceAll("\u00a0", " ");

describe("how long ago", () => {
  const time = "2026-08-01T10:00:00Z";
  const spans: [seconds: number, text: string][] = [
    [0, "just now"],
    [-0.9, "just now"],
    [-2, "in a moment"],
    [59.9, "just now"],
    [60, "1 min ago"],
    [3599, "59 min ago"],
    [3600, "1 h ago"],
    [86_399, "23 h ago"],
    [86_400, "1 day ago"],
    [2 * 86_400, "2 days ago"],
    [-7200, "in 2 h"],
    [30 * 86_400, "30 days ago"],
  ];
  for (const [seconds, text] of spans)
    test(`${seconds} s are ${text}`, () =>
      assert.equal(read(formatAgo(time, Date.parse(time) + seconds * 1000)), text));

  test("more than a month is a date", () =>
    assert.equal(formatAgo(time, Date.parse(time) + 31 * 86_400_000), formatDate(time)));
});

describe("a duration", () => {
  const durations: [durationMs: number, text: string][] = [
    [0, "0.0 s"],
    [440, "0.4 s"],
    [9949, "9.9 s"],
    [9999, "10 s"],
    [10_000, "10 s"],
    [59_499, "59 s"],
    [59_500, "1 min"],
    [185_000, "3 min 5 s"],
    [3_600_000, "1 h 0 min"],
    [7_800_000, "2 h 10 min"],
  ];
  for (const [durationMs, text] of durations)
    test(`of ${durationMs} ms is ${text}`, () => assert.equal(read(formatDuration(durationMs)), text));

  test("is not broken between a number and its unit", () =>
    assert.equal(formatDuration(185_000), "3\u00a0min 5\u00a0s"));
});

test("sizes are in the unit that fits, and never nothing", () => {
  const sizes = [1, 316_000, 999_499, 1_000_000, 12_340_000, 1_500_000_000];
  assert.deepEqual(
    sizes.map((bytes) => read(formatBytes(bytes))),
    ["1 kB", "316 kB", "999 kB", "1.0 MB", "12.3 MB", "1.50 GB"],
  );
});

test("one is not many, and a digest is known by its beginning", () => {
  assert.deepEqual(
    [0, 1, 2].map((count) => formatCount(count, "service")),
    ["0 services", "1 service", "2 services"],
  );
  assert.equal(shortDigest(`sha256:${"0123456789abcdef".repeat(4)}`), "0123456789ab");
});
