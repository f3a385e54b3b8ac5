import assert from "node:assert/strict";
import { test } from "node:test";
import { substitute } from "../../../../cli/init/substitute.ts";

const cases: [title: string, text: string, values: Record<string, string>, expected: string][] = [
  [
    "a mark within a line is its value",
    "image: @@image@@:v1\n",
    { image: "acme/site" },
    "image: acme/site:v1\n",
  ],
  [
    "a line that is a mark is its lines, indented",
    "a:\n  @@b@@\nc\n",
    { b: "x\n  y" },
    "a:\n  x\n    y\nc\n",
  ],
  ["an empty line of a value is not indented", "  @@b@@\n", { b: "x\n\ny" }, "  x\n\n  y\n"],
  ["a value's own newline at its end does not make an empty line", "@@b@@\nc\n", { b: "x\n" }, "x\nc\n"],
  ["a line that is a mark of nothing is left out", "a\n  @@b@@\nc\n", { b: "" }, "a\nc\n"],
  [
    "what others put values in by is left",
    "\u0024{{ a }} {{ b }} \u0024{C} $D @e@\n",
    {},
    "\u0024{{ a }} {{ b }} \u0024{C} $D @e@\n",
  ],
  ["a value is taken as it is", "@@a@@ @@b@@", { a: "$& $1", b: "@@a@@" }, "$& $1 @@a@@"],
];
for (const [title, text, values, expected] of cases) {
  test(title, () => assert.equal(substitute(text, values), expected));
}

test("a mark without a value is a mistake of the part", () => {
  assert.throws(() => substitute("@@nothing@@", {}), /asks for @@nothing@@/);
});
