import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { advantage, isMet, median, renderTables } from "../../../bench/figures.ts";
import type { Bar, Measure, Scenario } from "../../../bench/scenario.ts";

function measure(better: Measure["better"], bar?: Bar): Measure {
  return { name: "rate", unit: "/s", better, digits: 1, ...(bar && { bar }) };
}

test("the median is the middle one, or between the middle two", () => {
  assert.equal(median([3]), 3);
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([10, 9, 100, 1]), 9.5);
  assert.ok(Number.isNaN(median([])));
});

test("an advantage above 1 is ours, whether more or less is better", () => {
  assert.equal(advantage(measure("more"), 200, 100), 2);
  assert.equal(advantage(measure("less"), 100, 200), 2);
});

describe("a bar", () => {
  const others = new Map([
    ["nginx", 100],
    ["lighttpd", 200],
  ]);
  const table: readonly (readonly [string, Measure, number, boolean])[] = [
    ["at most is met by as much", measure("less", { kind: "at most", value: 5 }), 5, true],
    ["at most is missed by more", measure("less", { kind: "at most", value: 5 }), 5.1, false],
    ["at least is missed by less", measure("more", { kind: "at least", value: 90 }), 89, false],
    [
      "of ratios is met where each is",
      measure("more", { kind: "ratio", against: { nginx: 1.3, lighttpd: 1 } }),
      200,
      true,
    ],
    [
      "of ratios is missed by one",
      measure("more", { kind: "ratio", against: { nginx: 1.3, lighttpd: 1 } }),
      199,
      false,
    ],
    [
      "to the better counts the better of more",
      measure("more", { kind: "ratio to the better", value: 0.8 }),
      159,
      false,
    ],
    [
      "to the better counts the better of less",
      measure("less", { kind: "ratio to the better", value: 1 }),
      101,
      false,
    ],
    ["to the better is met by equals", measure("less", { kind: "ratio to the better", value: 1 }), 100, true],
  ];
  for (const [title, what, ours, met] of table)
    test(title, () => assert.equal(isMet(what, ours, others), met));
});

test("a table has a row for each measure, with medians, ratios and the bar", () => {
  const scenario: Scenario = {
    title: "Something",
    how: "somehow",
    measures: [measure("less", { kind: "at most", value: 1000 })],
    run: async () => [],
  };
  const figures = new Map([
    ["ours", [1000, 3000, 2000]],
    ["theirs", [500]],
  ]);
  const samples = new Map([["Something", [figures]]]);
  const lines = renderTables([scenario], samples, ["ours", "theirs"]).split("\n");
  assert.deepEqual(lines.slice(0, 7), [
    "### Something",
    "",
    "somehow.",
    "",
    "|  | ours | theirs | × theirs | bar |",
    "| --- | ---: | ---: | ---: | --- |",
    "| rate, /s | 2,000.0 | 500.0 | 0.25 | ≤ 1,000: **missed** |",
  ]);
});
