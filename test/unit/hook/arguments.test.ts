import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Arguments, parseArguments } from "../../../hook/arguments.ts";

const understood: [typed: string, expected: Arguments][] = [
  ["", { kind: "run", config: "hook.yaml" }],
  ["--config a.yaml", { kind: "run", config: "a.yaml" }],
  ["run -c a.yaml", { kind: "run", config: "a.yaml" }],
  ["--check", { kind: "check", config: "hook.yaml", offline: true, json: false }],
  ["check", { kind: "check", config: "hook.yaml", offline: false, json: false }],
  ["check --offline --json", { kind: "check", config: "hook.yaml", offline: true, json: true }],
  ["url blog", { kind: "url", config: "hook.yaml", service: "blog", base: undefined }],
  [
    "url blog --base https://a.b/c",
    { kind: "url", config: "hook.yaml", service: "blog", base: "https://a.b/c" },
  ],
  ["secret new", { kind: "new", secret: "url", sha256: false }],
  ["secret new --sha256", { kind: "new", secret: "url", sha256: true }],
  ["secret new --signing", { kind: "new", secret: "signing", sha256: false }],
  ["token new --sha256", { kind: "new", secret: "token", sha256: true }],
  ["check --help", { kind: "help" }],
  ["-h", { kind: "help" }],
  ["--version", { kind: "version" }],
];

const refused: [typed: string, problem: RegExp][] = [
  ["chekc", /'chekc' is none of run, check, url, secret, token/],
  ["constructor", /is none of/],
  ["run blog", /blog/],
  ["check blog", /blog/],
  ["--offline", /--offline/],
  ["url", /url needs one service/],
  ["url a b", /url needs one service/],
  ["url blog --base hook.example.org", /is not an address/],
  ["secret", /secret goes with new/],
  ["secret new old", /secret goes with new/],
  ["secret new --signing --sha256", /do not go together/],
  ["token new --signing", /--signing/],
];

describe("the hook's arguments", () => {
  const words = (typed: string) => typed.split(" ").filter((word) => word !== "");
  for (const [typed, expected] of understood)
    test(`'${typed}' is ${expected.kind}`, () =>
      assert.deepEqual({ ...parseArguments(words(typed)) }, expected));
  for (const [typed, problem] of refused) {
    test(`'${typed}' is wrong`, () => {
      const given = parseArguments(words(typed));
      assert.equal(given.kind, "wrong");
      assert.match("problem" in given ? given.problem : "", problem);
    });
  }
});
