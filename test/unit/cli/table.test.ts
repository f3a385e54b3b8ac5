import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Column, cut, formatTable } from "../../../cli/table.ts";

const columns: readonly Column[] = [
  { title: "ID", isNumber: true },
  { title: "SERVICE", minimumWidth: 4 },
  { title: "REASON", minimumWidth: 6 },
];
const plain = (text: string) => text;

describe("a table", () => {
  test("has aligned columns, numbers to the right, and no blanks at the end of a line", () => {
    const rows = [
      ["7", "blog", ""],
      ["123", "documentation", "it is done"],
    ];
    assert.deepEqual(formatTable(columns, rows, undefined, plain), [
      " ID  SERVICE        REASON",
      "  7  blog",
      "123  documentation  it is done",
    ]);
  });

  test("without rows has its titles", () => {
    assert.deepEqual(formatTable(columns, [], 80, plain), ["ID  SERVICE  REASON"]);
  });

  test("is cut to the terminal's width: the widest column first, none below its minimum", () => {
    const rows = [["1", "documentation", "a long story with an end that nobody sees"]];
    assert.deepEqual(formatTable(columns, rows, 40, plain), [
      "ID  SERVICE        REASON",
      " 1  documentation  a long story with an…",
    ]);
    assert.deepEqual(formatTable(columns, rows, 18, plain)[1], " 1  docum…  a lon…");
    assert.deepEqual(formatTable(columns, rows, 3, plain)[1], " 1  doc…  a lon…");
    for (const width of [20, 30, 50])
      for (const line of formatTable(columns, rows, width, plain)) assert.ok(line.length <= width, line);
  });

  test("on a terminal that says its width is 0 has the usual 80 columns", () => {
    const rows = [["1", "documentation", "a long story ".repeat(10)]];
    assert.deepEqual(formatTable(columns, rows, 0, plain), formatTable(columns, rows, 80, plain));
  });

  test("counts what a terminal shows: wide letters twice, combined ones once", () => {
    const rows = [
      ["1", "日本", "x"],
      ["2", "e\u0301", "y"],
    ];
    assert.deepEqual(formatTable(columns, rows, undefined, plain), [
      "ID  SERVICE  REASON",
      " 1  日本     x",
      " 2  e\u0301        y",
    ]);
  });

  test("paints a cell without counting the paint", () => {
    const rows = [["1", { text: "blog", style: "red" } as const, "x"]];
    const marked = (text: string, style: string | undefined) => (style === "red" ? `<${text}>` : text);
    assert.equal(formatTable(columns, rows, undefined, marked)[1], " 1  <blog   >  x");
  });

  test("takes what would steer the terminal out of its cells", () => {
    const rows = [["1", "\u001b[31mred\u001b[0m", "two\r\nlines\u0007 \u009b2J"]];
    assert.equal(formatTable(columns, rows, undefined, plain)[1], " 1  red      two lines");
  });
});

const cuts: [text: string, width: number, expected: string][] = [
  ["short", 5, "short"],
  ["longer", 5, "long…"],
  ["日本語", 5, "日本…"],
  ["日本語", 4, "日…"],
  ["👨‍👩‍👧 family", 4, "👨‍👩‍👧 …"],
  ["x", 0, ""],
];
for (const [text, width, expected] of cuts) {
  test(`'${text}' is cut to ${width} columns as '${expected}'`, () =>
    assert.equal(cut(text, width), expected));
}
