import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PathNumbers } from "../../../server/path-numbers.ts";

describe("numbers of paths", () => {
  const paths = [
    "/",
    "",
    "/a",
    "/a/",
    "/b",
    "/日本.html",
    "/\u00e9",
    "/e\u0301",
    "/😀",
    `/${"long".repeat(3000)}`,
    ...Array.from({ length: 3000 }, (_, index) => `/section-${index % 7}/page-${index}.html`),
  ];
  const numbers = new PathNumbers();

  test("are given in the order of their coming", () => {
    assert.deepEqual(
      paths.map((path) => numbers.numberOf(path, true)),
      paths.map((_, index) => index),
    );
    assert.equal(numbers.size, paths.length);
  });

  test("stay, and lead back to the path", () => {
    for (const [index, path] of paths.entries()) {
      assert.equal(numbers.numberOf(path, false), index);
      assert.equal(numbers.numberOf(path, true), index);
      assert.equal(numbers.pathOf(index), path);
    }
    assert.equal(numbers.size, paths.length);
  });

  test("are not given where none may be added", () => {
    for (const path of ["/c", "/section-0/page-1.html", "/a/b", "/日本"])
      assert.equal(numbers.numberOf(path, false), -1, path);
    assert.equal(numbers.size, paths.length);
    assert.equal(numbers.numberOf("/c", true), paths.length);
  });
});
