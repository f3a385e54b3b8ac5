import assert from "node:assert/strict";
import { test } from "node:test";
import {
  describeTally,
  emptyTally,
  isGood,
  record,
  type Tally,
  type TestResult,
} from "../../support/tally.ts";

const file = `${process.cwd()}/test/unit/some.test.ts`;

/** An event as node:test sends it, with what the tally looks at. */
function event(type: "test:pass" | "test:fail", name: string, data: object = {}): TestResult {
  return {
    type,
    data: { name, file, nesting: 0, testNumber: 1, details: { type: "test" }, ...data },
  } as TestResult;
}

function tallyOf(...events: TestResult[]): Tally {
  const tally = emptyTally();
  for (const each of events) record(tally, each);
  return tally;
}

const passed = event("test:pass", "it works");
const skipped = event("test:pass", "it needs Docker", { skip: "no Docker: apt-get install docker.io" });
const skippedSuite = event("test:pass", "a group", { skip: "no Consul", details: { type: "suite" } });
const failed = event("test:fail", "it fails", {
  details: { type: "test", error: { failureType: "testCodeFailure" } },
});
const failedSuite = event("test:fail", "a group", {
  details: { type: "suite", error: { failureType: "subtestsFailed" } },
});
const brokenSuite = event("test:fail", "a group", {
  details: { type: "suite", error: { failureType: "hookFailed" } },
});

const verdicts: [string, Tally, boolean, boolean][] = [
  ["a passed test", tallyOf(passed), true, true],
  ["a failed test among passed ones", tallyOf(passed, failed), false, false],
  ["a test that did not run", tallyOf(passed, skipped), true, false],
  ["a whole suite that did not run", tallyOf(passed, skippedSuite), true, false],
  ["a test still to be done", tallyOf(passed, event("test:fail", "later", { todo: true })), true, false],
  ["nothing but a test that did not run", tallyOf(skipped), false, false],
  ["no test at all", tallyOf(), false, false],
  ["a file without tests", tallyOf(passed, event("test:pass", file)), false, false],
  ["a file that does not load", tallyOf(passed, event("test:fail", file)), false, false],
  ["a suite whose set-up threw", tallyOf(passed, brokenSuite), false, false],
];
for (const [what, tally, good, goodInCi] of verdicts) {
  test(`${what} is ${good ? "good" : "a failure"}, and in CI ${goodInCi ? "good" : "a failure"}`, () => {
    assert.equal(isGood(tally, true), good);
    assert.equal(isGood(tally, false), goodInCi);
  });
}

test("a failed test is counted once, not again for its suite", () => {
  assert.equal(tallyOf(failed, failedSuite).failures.length, 1);
});

test("a suite that passed is not a test", () => {
  assert.equal(tallyOf(passed, event("test:pass", "a group", { details: { type: "suite" } })).passed, 1);
});

test("the summary names what failed, what did not run with its reason, and ends with the counts", () => {
  assert.equal(
    describeTally(tallyOf(passed, failed, skipped)),
    [
      "\nFailed:",
      "  test/unit/some.test.ts: it fails",
      "\nDid not run:",
      "  no Docker: apt-get install docker.io",
      "    test/unit/some.test.ts: it needs Docker",
      "\n1 passed, 1 failed, 1 skipped\n",
    ].join("\n"),
  );
});
