import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";

const root = new URL("../../../", import.meta.url);
const text = readFileSync(new URL("docs/reliability.md", root), "utf8");

/** A title may be put together: what is between its variables has to be there, in order. */
function hasTitle(source: string, title: string): boolean {
  if (source.includes(`"${title}"`)) return true;
  const templates = [...source.matchAll(/(?:test|it)\(\s*`([^`]+)`/g)].map(([, template = ""]) => template);
  return templates.some((template) => {
    const parts = template.split(/\$\{[^}]*\}/);
    const pattern = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("(.+)");
    const [, ...filled] = new RegExp(`^${pattern}$`).exec(title) ?? [];
    return filled.length > 0 && filled.every((value) => source.includes(`"${value}"`));
  });
}

describe("docs/reliability.md", () => {
  const rows = [...text.matchAll(/^\| [^|]+ \| [^|]+ \| [^|]+ \| `(test\/[^`]+)`: (.+) \|$/gm)];

  test("has a table of faults", () => {
    assert.ok(rows.length > 20);
    const all = text.split("\n").filter((line) => /^\| (?!fault |---)/.test(line));
    assert.equal(rows.length, all.length, "each row names a file and a test's title");
  });

  for (const [, file = "", title = ""] of rows) {
    test(`names a test that is there: ${file}: ${title}`, () => {
      const path = new URL(file, root);
      assert.ok(existsSync(path), file);
      assert.ok(hasTitle(readFileSync(path, "utf8"), title), `${file} has no test "${title}"`);
    });
  }
});
