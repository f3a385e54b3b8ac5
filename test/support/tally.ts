/** What the runs of node:test came to, gathered from their event streams. */

import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";

export interface NotRun {
  name: string;
  file: string;
  reason: string;
}

export interface Failure {
  name: string;
  file: string;
}

export interface Tally {
  passed: number;
  failures: Failure[];
  notRun: NotRun[];
}

export function emptyTally(): Tally {
  return { passed: 0, failures: [], notRun: [] };
}

/** Takes in what another run came to. */
export function add(tally: Tally, { passed, failures, notRun }: Tally): void {
  tally.passed += passed;
  tally.failures.push(...failures);
  tally.notRun.push(...notRun);
}

export type TestResult = Extract<TestEvent, { type: "test:pass" | "test:fail" }>;

/**
 * Takes one result in. A file is a test of its own for node:test when it failed to load or has no test in it; what
 * failed only because of a test inside it (a suite, a parent) is counted through that test.
 */
export function record(tally: Tally, { type, data }: TestResult): void {
  const file = data.file === undefined ? "" : relative(process.cwd(), data.file);
  const isFile = data.name === data.file;
  const name = isFile ? "the file itself" : data.name;
  if (type === "test:fail" && !isTodo(data.todo)) {
    if (failureTypeOf(data.details.error) !== "subtestsFailed") tally.failures.push({ name, file });
  } else if (data.skip !== undefined) {
    // Of a skipped suite node:test counts nothing, and says nothing about the tests in it.
    const what = data.details.type === "suite" ? `everything in "${name}"` : name;
    tally.notRun.push({ name: what, file, reason: reasonOf(data.skip) });
  } else if (data.details.type === "suite") {
    return;
  } else if (isTodo(data.todo)) {
    tally.notRun.push({ name, file, reason: "marked as still to be done" });
  } else if (isFile) {
    tally.failures.push({ name: "the file has no tests", file });
  } else {
    tally.passed += 1;
  }
}

function failureTypeOf(error: unknown): unknown {
  return (error as { failureType?: unknown } | undefined)?.failureType;
}

function isTodo(todo: string | boolean | undefined): boolean {
  return todo !== undefined && todo !== false;
}

function reasonOf(skip: string | boolean): string {
  return typeof skip === "string" && skip !== "" ? skip : "no reason given";
}

/** Nothing that failed, something that passed, and in CI nothing that was left out. */
export function isGood(tally: Tally, mayLeaveOut: boolean): boolean {
  return tally.failures.length === 0 && tally.passed > 0 && (mayLeaveOut || tally.notRun.length === 0);
}

export function describeTally(tally: Tally): string {
  const failures = tally.failures.map(({ name, file }) => `  ${file}: ${name}\n`);
  const reasons = Map.groupBy(tally.notRun, ({ reason }) => reason);
  const notRun = [...reasons].map(([reason, tests]) => {
    const lines = tests.map(({ name, file }) => `    ${file}: ${name}\n`).join("");
    return `  ${reason}\n${lines}`;
  });
  return [
    ...(failures.length > 0 ? ["\nFailed:\n", ...failures] : []),
    ...(notRun.length > 0 ? ["\nDid not run:\n", ...notRun] : []),
    `\n${tally.passed} passed, ${tally.failures.length} failed, ${tally.notRun.length} skipped\n`,
  ].join("");
}
