import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { z } from "zod";
import { createFields } from "../../../hook/config/fields.ts";
import { knownKeys } from "../../../hook/config/schema-walk.ts";
import { deployShape } from "../../../hook/deploy/setting.ts";
import { commandVariables } from "../../../hook/target/command.ts";
import { targets } from "../../../hook/target/index.ts";

const fields = createFields({ environment: {}, directory: "/" });

function sectionsOf(file: string): Map<string, string> {
  const text = readFileSync(new URL(`../../../docs/hook/${file}`, import.meta.url), "utf8");
  return new Map(text.split(/^## /m).map((section) => [section.split("\n")[0] ?? "", section]));
}

/** What stands in the first column of a section's first table. */
function documentedKeys(section = ""): string[] {
  const [table = ""] = /^\| key .*\n(?:\|.*\n)*/m.exec(section) ?? [];
  const cells = table
    .split("\n")
    .slice(2)
    .map((row) => row.split("|")[1] ?? "");
  return cells.flatMap((cell) => [...cell.matchAll(/`([\w.]+)`/g)].map(([, key = ""]) => key));
}

describe("docs/hook/verify.md", () => {
  const sections = sectionsOf("verify.md");
  const schema = z.object(deployShape(fields));
  const tables: [heading: string, keys: string[]][] = [
    ["The health gate: `verify`", knownKeys(schema, ["verify"])],
    ["Looking the tag up: `registry`", knownKeys(schema, ["registry"])],
    [
      "Trying again: `retry` and `deadline`",
      [...knownKeys(schema, ["retry"]).map((key) => `retry.${key}`), "deadline"],
    ],
  ];
  for (const [heading, keys] of tables) {
    test(`has every key, and no other: ${heading}`, () => {
      assert.deepEqual(documentedKeys(sections.get(heading)).sort(), keys.sort());
    });
  }
});

test("docs/targets/command.md has every variable that a command is told", () => {
  const named = new Set(readFileSync(pageOf("command"), "utf8").match(/\bSTATIGO_[A-Z]+/g));
  assert.deepEqual([...named].sort(), Object.keys(commandVariables).sort());
});

function pageOf(target: string): URL {
  return new URL(`../../../docs/targets/${target}.md`, import.meta.url);
}

for (const target of targets) {
  test(`docs/targets/${target.name}.md has every key, and no other`, () => {
    const keys = knownKeys(target.schema(fields), []);
    assert.deepEqual(documentedKeys(readFileSync(pageOf(target.name), "utf8")).sort(), keys.sort());
  });
}
