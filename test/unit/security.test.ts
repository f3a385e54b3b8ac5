/** SECURITY.md's table of threats: every proof that it names is there. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";

const root = new URL("../../", import.meta.url);
const page = readFileSync(new URL("SECURITY.md", root), "utf8");
const rows = page
  .slice(page.indexOf("<!-- threats -->"))
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .slice(1)
  .map((line) => line.slice(2, -2).split(" | "));

/** `test/a.test.ts`: "one", "two"; `test/b.test.ts`: "three" */
function proofsOf(cell: string): { file: string; titles: string[] }[] {
  return [...cell.matchAll(/`(test\/[^`]+)`: ((?:"[^"]+"(?:, )?)+)/g)].map(([, file = "", titles = ""]) => ({
    file,
    titles: [...titles.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => title),
  }));
}

describe("the threats of SECURITY.md", () => {
  test("are many, each with asset, attacker, threat, mitigation and proof", () => {
    assert.ok(rows.length >= 25, String(rows.length));
    for (const row of rows)
      assert.ok(row.length === 5 && row.every((cell) => cell.trim() !== ""), row.join());
  });

  for (const [asset = "", attacker = "", threat = "", , proof = ""] of rows) {
    test(`are covered by tests: ${threat}, by ${attacker}, of ${asset}`, () => {
      const proofs = proofsOf(proof);
      assert.ok(proofs.length > 0, proof);
      for (const { file, titles } of proofs) {
        assert.ok(existsSync(new URL(file, root)), file);
        const text = readFileSync(new URL(file, root), "utf8");
        for (const title of titles) assert.ok(text.includes(title), `${file} has no "${title}"`);
      }
    });
  }
});
