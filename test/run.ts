/**
 * `npm test`: sets the machine up, then checks, builds and tests everything, and says what did not run and why.
 * With CI=true a test that did not run is a failure. `npm test -- wire engine/start` runs only the files whose path
 * contains one of the words, without the checks before them.
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { finished } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { type Setup, setUp } from "../build/setup.ts";
import { startDockerForTests } from "./support/docker.ts";
import { describeTally, emptyTally, isGood, record } from "./support/tally.ts";

interface Group {
  folder: string;
  concurrency: number;
  /** For one file, so that a test that hangs ends the run and is named. */
  timeoutMs: number;
  needsDocker: boolean;
}

/** Engine tests share one Docker daemon and measure times: one file after another. */
const groups: readonly Group[] = [
  {
    folder: "unit",
    // They mostly wait for processes that they start.
    concurrency: 2 * Math.max(2, availableParallelism()),
    timeoutMs: 120_000,
    needsDocker: false,
  },
  {
    folder: "wire",
    concurrency: Math.max(2, availableParallelism()),
    timeoutMs: 300_000,
    needsDocker: false,
  },
  { folder: "engine", concurrency: 1, timeoutMs: 900_000, needsDocker: true },
];

interface Check {
  script: readonly string[];
  /** Debian packages without which it cannot work. */
  needs: readonly string[];
}

/** The sanitized build is for the wire tests only: what aborts there would be memory corruption in the other one. */
const checks: readonly Check[] = [
  { script: ["lint"], needs: [] },
  { script: ["typecheck"], needs: [] },
  { script: ["build"], needs: [] },
  { script: ["build:native"], needs: ["gcc", "musl-tools"] },
  { script: ["build:native", "--", "--sanitize"], needs: ["gcc", "libc6-dev"] },
];

const words = process.argv.slice(2);
const strict = process.env["CI"] === "true";
const tally = emptyTally();
let setup: Setup = { installed: [], missing: [], problem: undefined };
const failedStages: string[] = [];
const durations: string[] = [];
const interruption = new AbortController();
// Not once: npm passes on a signal that the terminal has sent to both already.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => interruption.abort());

async function stage(name: string, work: () => Promise<boolean> | boolean): Promise<void> {
  if (interruption.signal.aborted) return;
  process.stdout.write(`\n── ${name} ${"─".repeat(Math.max(2, 70 - name.length))}\n`);
  const startedAt = performance.now();
  const good = await work();
  if (!good) failedStages.push(name);
  durations.push(`${name} ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

/** The tests that need a missing part skip themselves with their own reason, so this only names the part. */
function setUpMachine(): boolean {
  setup = setUp();
  const { installed, problem } = setup;
  for (const { name, neededFor } of installed) process.stdout.write(`installed ${name}: ${neededFor}\n`);
  for (const { name, neededFor } of setup.missing) process.stdout.write(`missing ${name}: ${neededFor}\n`);
  if (problem !== undefined) process.stdout.write(`${problem}\n`);
  return problem === undefined || !strict;
}

async function runCheck({ script, needs }: Check): Promise<void> {
  const name = script.join(" ");
  const missing = setup.missing.filter((one) => needs.includes(one.name)).map((one) => one.name);
  if (missing.length === 0) return stage(name, () => runScript(script));
  tally.notRun.push({ name, file: "npm run", reason: `not installed: ${missing.join(", ")}` });
}

function runScript(script: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn("npm", ["run", "--silent", ...script], { stdio: "inherit" });
    child.once("error", () => resolve(false));
    child.once("exit", (status) => resolve(status === 0));
  });
}

function filesOf({ folder }: Group): string[] {
  const files = globSync(`test/${folder}/**/*.test.ts`).sort();
  return words.length === 0 ? files : files.filter((file) => words.some((word) => file.includes(word)));
}

async function runTests(files: string[], { concurrency, timeoutMs }: Group): Promise<boolean> {
  const failuresBefore = tally.failures.length;
  const report = new spec();
  report.pipe(process.stdout, { end: false });
  for await (const event of run({ files, concurrency, timeout: timeoutMs, signal: interruption.signal })) {
    if (event.type === "test:pass" || event.type === "test:fail") record(tally, event);
    report.write(event);
  }
  report.end();
  await finished(report);
  return tally.failures.length === failuresBefore;
}

/** One daemon for all files; a test that needs it and finds none skips itself and says why. */
async function withDocker(work: () => Promise<boolean>): Promise<boolean> {
  const docker = await startDockerForTests();
  try {
    return await work();
  } finally {
    await docker.stop();
  }
}

await stage("set-up", setUpMachine);
if (words.length === 0) {
  for (const check of checks) await runCheck(check);
}
for (const group of groups) {
  const files = filesOf(group);
  if (files.length === 0) continue;
  // A few files chosen by hand start Docker themselves, if they need it at all.
  const keepsDocker = group.needsDocker && words.length === 0;
  const work = () => runTests(files, group);
  await stage(`${group.folder} tests`, () => (keepsDocker ? withDocker(work) : work()));
}

process.stdout.write(`\n${durations.join(", ")}\n`);
if (failedStages.length > 0) process.stdout.write(`Failed: ${failedStages.join(", ")}\n`);
if (interruption.signal.aborted) process.stdout.write("Interrupted.\n");
process.stdout.write(describeTally(tally));
const good = failedStages.length === 0 && isGood(tally, !strict) && !interruption.signal.aborted;
process.exitCode = good ? 0 : 1;
