import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PathPattern } from "../../../server/path-pattern.ts";

/** What the placeholders stand for, or null where the path does not match. */
function match(text: string, path: string): string | null {
  const pattern = new PathPattern(text);
  assert.equal(pattern.problem, "", text);
  return pattern.matches(path) ? pattern.fill(pattern.names.map((name) => `:${name}`).join(" ")) : null;
}

describe("a pattern matches", () => {
  const table: readonly (readonly [string, string, string | null])[] = [
    ["/", "/", ""],
    ["/", "/a", null],
    ["/a", "/a/", ""],
    ["/a/", "/a", ""],
    ["/a", "/ab", null],
    ["/*", "/", ""],
    ["/*", "/a/b", "a/b"],
    ["/a/*", "/a", ""],
    ["/a/*", "/a/b/", "b/"],
    ["/a/*", "/ab", null],
    ["/*.png", "/a/b.png", "a/b"],
    ["/*.png", "/b.png.txt", null],
    ["/*/end", "/a/b/end", "a/b"],
    ["/a*", "/abc", "bc"],
    ["/:a", "/x", "x"],
    ["/:a", "/x/y", null],
    ["/:a", "/", null],
    ["/:a/:b", "/x/y", "x y"],
    ["/:a/*", "/x/y/z", "x y/z"],
    ["/:a-:b.html", "/x-y.html", "x y"],
    ["/:a-:b.html", "/x-y-z.html", "x y-z"],
    ["/:a-:b", "/x/y-z", null],
    ["/:a.:b", "/.x", null],
    ["/a:1", "/a:1", ""],
    ["/a:", "/a:", ""],
    ["/%C3%BC/:a", "/ü/é", "%C3%A9"],
    ["/ü", "/ü", ""],
  ];
  for (const [text, path, expected] of table)
    test(`${text} ${expected === null ? "not " : ""}${path}`, () =>
      assert.equal(match(text, path), expected));
});

test("filling leaves alone what is no placeholder of the pattern, and keeps no value of another path", () => {
  const pattern = new PathPattern("/:a/x");
  assert.ok(pattern.matches("/1/x"));
  assert.equal(pattern.fill("https://h:80/:a:b/:aa/:"), "https://h:80/1:b/:aa/:");
  assert.ok(pattern.matches("/2/x/"));
  assert.equal(pattern.fill(":a"), "2");
});

test("matching takes time in proportion to the path, whatever it is made of", () => {
  const patterns = ["/:a-:b-:c-:d-:e", "/*-x", "/:a/:b/:c/*", "/:a-*"].map((text) => new PathPattern(text));
  const path = `/${"-".repeat(100_000)}`;
  const startedMs = performance.now();
  for (const pattern of patterns) for (let i = 0; i < 20; i++) pattern.matches(path);
  assert.ok(performance.now() - startedMs < 1000);
});
