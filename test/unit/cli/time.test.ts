import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatAge, formatDuration, parseDuration, readUntil } from "../../../cli/time.ts";

describe("how long something took", () => {
  for (const [durationMs, expected] of [
    [0, "0 s"],
    [999, "0 s"],
    [59_999, "59 s"],
    [60_000, "1 min"],
    [3_599_999, "59 min"],
    [3_600_000, "1 h"],
    [86_400_000 * 3, "3 d"],
    [-5000, "0 s"],
  ] as const)
    test(`${durationMs} ms is said as ${expected}`, () => assert.equal(formatDuration(durationMs), expected));

  test("ago is from the given moment", () => {
    assert.equal(formatAge("2026-12-24T18:00:00Z", Date.parse("2026-12-24T18:03:10Z")), "3 min ago");
  });
});

describe("a duration", () => {
  for (const [text, expected] of [
    ["90s", 90_000],
    ["1h30m", 5_400_000],
    ["3d", 259_200_000],
    ["", undefined],
    ["90", undefined],
    ["-1h", undefined],
    ["1 h", undefined],
  ] as const)
    test(`'${text}' is ${expected} ms`, () => assert.equal(parseDuration(text), expected));
});

describe("--until", () => {
  const here = (text: string) => new Date(text).toISOString();
  for (const [text, expected] of [
    ["12h", "12h"],
    ["2026-12-24T18:00Z", "2026-12-24T18:00:00.000Z"],
    ["2026-12-24T18:00:30+02:00", "2026-12-24T16:00:30.000Z"],
    ["2026-12-24 18:00", here("2026-12-24T18:00")],
    ["2026-12-24", here("2026-12-24T00:00")],
    ["2026-13-24", undefined],
    ["tomorrow", undefined],
    ["", undefined],
  ] as const)
    test(`${text} is sent as ${expected}`, () => assert.equal(readUntil(text), expected));
});
