import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Day } from "../../../hook/dashboard/client/answers.ts";
import {
  chartSize,
  drawBars,
  drawLine,
  peakOf,
  rateOf,
} from "../../../hook/dashboard/client/chart-geometry.ts";

const day = (succeeded: number, failed: number, rolledBack = 0): Day => ({
  ...{ day: "2026-08-01", succeeded, failed, rolledBack, superseded: 0, cancelled: 0, pushToLiveMs: null },
});

describe("bars", () => {
  test("stand on the ground, what failed on what succeeded, the highest as high as the chart", () => {
    const { good, bad } = drawBars([day(3, 0, 1), day(0, 0), day(1, 0), day(0, 2)]);
    assert.equal(good, "M1.0 24.0h78.0v72.0h-78.0zM161.0 72.0h78.0v24.0h-78.0z");
    assert.equal(bad, "M1.0 0.0h78.0v24.0h-78.0zM241.0 48.0h78.0v48.0h-78.0z");
  });

  test("are none where there was nothing", () =>
    assert.deepEqual(drawBars([day(0, 0), day(0, 0)]), { good: "", bad: "" }));
});

describe("a line", () => {
  test("goes through the middle of each day, and passes over days without a value", () => {
    const { line, dots, range } = drawLine([1, null, 0, 0.5], 1);
    assert.equal(line, "M40.0 4.0L200.0 92.0L280.0 48.0");
    assert.equal(dots, "M40.0 4.0h.01M200.0 92.0h.01M280.0 48.0h.01");
    assert.deepEqual(range, [0, 1]);
  });

  test("fills its chart where no end of the scale is given, and is flat on the ground for nothing but zero", () => {
    assert.equal(drawLine([5, 10]).line, "M80.0 48.0L240.0 4.0");
    assert.equal(drawLine([0, 0]).line, "M80.0 92.0L240.0 92.0");
  });

  test("is none without a value, and stays in its chart whatever they are", () => {
    assert.deepEqual(drawLine([null, null]), { line: "", dots: "", range: undefined });
    const { line } = drawLine(Array.from({ length: 365 }, (_, index) => (index * 7919) % 1013));
    const numbers = line
      .slice(1)
      .split("L")
      .map((point) => point.split(" ").map(Number));
    assert.equal(numbers.length, 365);
    for (const [x = -1, y = -1] of numbers)
      assert.ok(x >= 0 && x <= chartSize.width && y >= 4 && y <= chartSize.height - 4, `${x} ${y}`);
  });
});

test("a day's rate is of what was tried, and the peak is the first of the greatest", () => {
  assert.deepEqual([rateOf(day(3, 1)), rateOf(day(0, 0, 2)), rateOf(day(0, 0))], [0.75, 0, null]);
  const days = [day(1, 0), day(1, 1), day(2, 0)];
  assert.equal(peakOf(days), days[1]);
  assert.equal(peakOf([]), undefined);
});
