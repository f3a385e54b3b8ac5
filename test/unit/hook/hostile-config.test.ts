/** What a config can do to the hook that reads it, and what the patterns in it let senders do. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseConfig } from "../../../hook/config/load.ts";
import { matchInTime } from "../../../hook/match-in-time.ts";
import { findObjection } from "../../../hook/service.ts";

function problemsOf(text: string): string[] {
  const result = parseConfig(text, "hook.yaml", { KEY: "secret-0123456789-abcdef" });
  return "problems" in result ? result.problems : [];
}

const multiplied = ["b", "c", "d", "e", "f"]
  .map((name, index) => `${name}: &${name} [${`*${"abcde"[index]},`.repeat(9)}]\n`)
  .join("");

const table: readonly (readonly [what: string, yaml: string, problem: RegExp])[] = [
  ["an alias without an anchor", "store: x\nservices:\n  a:\n    tags: *\n", /^hook\.yaml:4:11: /],
  [
    "a lost alias in a merge",
    "store: x\nservices: { <<: *lost }\n",
    /^hook\.yaml:2:17: there is no `&lost` before it/,
  ],
  [
    "aliases that multiply to billions of values",
    `a: &a [x,x,x,x]\n${multiplied}`,
    /^hook\.yaml:1:1: its aliases make more/,
  ],
  ["lists nested by the thousand", "[".repeat(20_000), /^hook\.yaml:1:\d+: it is nested too deeply$/],
  ["a second document", "store: x\n---\nstore: y\n", /^hook\.yaml:2:1: a second document starts/],
  ["a map as a key", 'store: x\n? { secret: "$\u007bKEY}" }\n: y\n', /^hook\.yaml:2:3: a key is a text/],
  ["a key with a line break", 'store: x\n"a\\nb": y\n', /^hook\.yaml:2:1 "a\\nb": unknown key/],
];

describe("a hostile config", () => {
  for (const [what, yaml, problem] of table) {
    test(`with ${what} is refused with its place, and neither throws nor grows`, () => {
      const problems = problemsOf(yaml);
      assert.ok(
        problems.some((line) => problem.test(line)),
        problems.join("\n"),
      );
      assert.ok(
        problems.every((line) => !line.includes("secret-0123")),
        problems.join("\n"),
      );
    });
  }
});

describe("a pattern that needs forever for some texts", () => {
  const slow = /^(\w+\.?)+$/;
  const hostile = `${"a".repeat(100)}-`;

  test("is given up on, and the tag refused with the reason (ReDoS)", () => {
    const yaml =
      "store: x\nservices: { blog: { image: a/b, secret: blog-secret-0123456789, tags: '^(\\w+\\.?)+$' } }\n";
    const result = parseConfig(yaml, "hook.yaml", {});
    assert.ok("config" in result, JSON.stringify(result));
    const service = result.config.services.get("blog");
    assert.ok(service !== undefined);
    assert.match(
      findObjection(service, { tag: hostile }) ?? "",
      /^the tag takes longer than 1 s to match with/,
    );
    assert.equal(findObjection(service, { tag: "v1.2" }), undefined);
  });

  test("does no harm to texts that it matches or refuses at once", () => {
    assert.equal(matchInTime(slow, "v1.2.3"), "matches");
    assert.equal(matchInTime(slow, "-"), "differs");
    assert.equal(matchInTime(slow, hostile), "too-slow");
  });
});
