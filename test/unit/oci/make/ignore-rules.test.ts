import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseIgnoreRules } from "../../../../oci/make/ignore-rules.ts";

/** As Docker's own matcher decides (moby/patternmatcher). */
const cases: [lines: string[], path: string, isIgnored: boolean][] = [
  [["*.md"], "README.md", true],
  [["*.md"], "docs/README.md", false],
  [["**/*.md"], "docs/deep/README.md", true],
  [["**/*.md"], "README.md", true],
  [["docs"], "docs/deep/page.html", true],
  [["docs/"], "docs/page.html", true],
  [["/docs"], "docs/page.html", true],
  [["./docs"], "docs/page.html", true],
  [["docs/**"], "docs/a/b", true],
  [["docs/*"], "docs/a", true],
  [["doc?"], "docs", true],
  [["doc?"], "doc", false],
  [["[a-c].html"], "b.html", true],
  [["[a-c].html"], "d.html", false],
  [["[^a-c].html"], "d.html", true],
  [["*.md", "!README.md"], "README.md", false],
  [["!README.md", "*.md"], "README.md", true],
  [["docs", "!docs/keep.html"], "docs/keep.html", false],
  [["docs", "!docs/keep.html"], "docs/other.html", true],
  [["*", "!index.html"], "index.html", false],
  [["*", "!index.html"], "about.html", true],
  [["# a comment", "", "  "], "# a comment", false],
  [["a.b"], "aXb", false],
  [["a+(b)"], "a+(b)", true],
  [["\\!important"], "!important", true],
  [["."], "anything/at/all", true],
  [["**"], "a/b/c", true],
  [["a/**/z"], "a/z", true],
  [["a/**/z"], "a/b/c/z", true],
  [["../outside"], "outside", false],
];

describe("rules of .dockerignore", () => {
  for (const [lines, path, isIgnored] of cases) {
    test(`${JSON.stringify(lines)} ${isIgnored ? "leave out" : "take"} ${path}`, () => {
      assert.equal(parseIgnoreRules(lines).isIgnored(path), isIgnored);
    });
  }

  test("name the line that is no pattern", () => {
    assert.throws(() => parseIgnoreRules(["*.md", "[z-a]"]), /'\[z-a\]' is not a pattern/);
  });
});
