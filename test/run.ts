/**
 * `npm test`: sets the machine up, then checks, builds and tests everything, and says what did not run and why.
 * With CI=true a test that did not run is a failure. `npm test -- wire engine/start` runs only the files whose path
 * contains one of the words, without the checks before them. Node itself runs the TypeScript: quicker than through tsx.
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { PassThrough, type Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { type Setup, setUp } from "../build/setup.ts";
import { startDockerForTests } from "./support/docker.ts";
import { add, describeTally, emptyTally, isGood, record } from "./support/tally.ts";

interface Group {
  folder: string;
  concurrency: number;
  /** For one file, so that a test that hangs ends the run and is named. */
  timeoutMs: number;
  needsDocker: boolean;
  /** Runs at the same time as the group before it. */
  isBesideTheOneBefore?: boolean;
}

const groups: readonly Group[] = [
  {
    folder: "unit",
    // A file's process is half its time not at work: it is started, and reads its modules.
    concurrency: 2 * Math.max(2, availableParallelism()),
    timeoutMs: 120_000,
    needsDocker: false,
  },
  {
    // Whole hooks, asked over HTTP; in the tests' own processes.
    folder: "hook",
    concurrency: 2 * Math.max(2, availableParallelism()),
    timeoutMs: 120_000,
    needsDocker: false,
  },
  {
    folder: "process",
    // They mostly wait for processes that they start.
    concurrency: 2 * Math.max(2, availableParallelism()),
    timeoutMs: 300_000,
    needsDocker: false,
  },
  {
    folder: "wire",
    // They mostly wait: for time limits, and for servers that are started.
    concurrency: 2 * Math.max(2, availableParallelism()),
    timeoutMs: 300_000,
    needsDocker: false,
  },
  {
    // Hooks, agents and the demo with real programs that each file has to itself: registries, Consul, etcd, Prometheus.
    folder: "programs",
    concurrency: Math.max(2, availableParallelism()) + 1,
    timeoutMs: 600_000,
    needsDocker: false,
  },
  {
    // Each drives a Chromium, which has processes of its own.
    folder: "browser",
    concurrency: availableParallelism(),
    timeoutMs: 180_000,
    needsDocker: false,
  },
  // They share one Docker daemon and count what visitors notice: one file after another.
  { folder: "engine", concurrency: 1, timeoutMs: 900_000, needsDocker: true },
  // The same with daemons of their own, as if each were a machine: they are in nobody's way.
  { folder: "nodes", concurrency: 2, timeoutMs: 900_000, needsDocker: false, isBesideTheOneBefore: true },
];

interface Check {
  script: readonly string[];
  /** Debian packages without which it cannot work. */
  needs: readonly string[];
}

/**
 * Two rows of about the same length, which run beside each other. The sanitized build is for the wire tests only: what
 * aborts there would be memory corruption in the other one.
 */
const checks: readonly (readonly Check[])[] = [
  [
    { script: ["lint"], needs: [] },
    { script: ["typecheck"], needs: [] },
    { script: ["build"], needs: [] },
    { script: ["build:native", "--", "--sanitize"], needs: ["gcc", "libc6-dev"] },
  ],
  [
    { script: ["build:native"], needs: ["gcc", "musl-tools"] },
    { script: ["build:native", "--", "--arm64"], needs: ["gcc-aarch64-linux-gnu"] },
  ],
];

// Each file is a process that loads much the same modules: half its time without.
process.env["NODE_COMPILE_CACHE"] ??= resolve(import.meta.dirname, "../.cache/node-compile");

const words = process.argv.slice(2);
const strict = process.env["CI"] === "true";
const tally = emptyTally();
let setup: Setup = { installed: [], missing: [], problem: undefined };
const failedStages: string[] = [];
const durations: string[] = [];
const interruption = new AbortController();
// Not once: npm passes on a signal that the terminal has sent to both already.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => interruption.abort());

interface Stage {
  name: string;
  work(output: Writable): Promise<boolean> | boolean;
}

async function runStage({ name, work }: Stage, output: Writable): Promise<void> {
  if (interruption.signal.aborted) return;
  output.write(`\n── ${name} ${"─".repeat(Math.max(2, 70 - name.length))}\n`);
  const startedAt = performance.now();
  const good = await work(output);
  if (!good) failedStages.push(name);
  durations.push(`${name} ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}

/** Rows of stages at the same time. The first one's output is shown as it comes, the others' after it. */
async function runBeside(rows: readonly (readonly Stage[])[]): Promise<void> {
  let shown = Promise.resolve();
  const runs = rows.map(async (stages, index) => {
    const output = index === 0 ? process.stdout : new PassThrough({ highWaterMark: 2 ** 30 });
    for (const stage of stages) await runStage(stage, output);
    return output;
  });
  for (const run of runs) {
    shown = Promise.all([run, shown]).then(([output]) => {
      if (output instanceof PassThrough) process.stdout.write(output.read() ?? "");
    });
  }
  await shown;
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

function stageOf({ script, needs }: Check): Stage[] {
  const name = script.join(" ");
  const missing = setup.missing.filter((one) => needs.includes(one.name)).map((one) => one.name);
  if (missing.length === 0) return [{ name, work: (output) => runScript(script, output) }];
  tally.notRun.push({ name, file: "npm run", reason: `not installed: ${missing.join(", ")}` });
  return [];
}

function runScript(script: readonly string[], output: Writable): Promise<boolean> {
  return new Promise((resolve) => {
    const isShown = output === process.stdout;
    const child = spawn("npm", ["run", "--silent", ...script], { stdio: isShown ? "inherit" : "pipe" });
    child.stdout?.pipe(output, { end: false });
    child.stderr?.pipe(output, { end: false });
    child.once("error", () => resolve(false));
    child.once("close", (status) => resolve(status === 0));
  });
}

function filesOf({ folder }: Group): string[] {
  const files = globSync(`test/${folder}/**/*.test.ts`).sort();
  return words.length === 0 ? files : files.filter((file) => words.some((word) => file.includes(word)));
}

async function runTests(
  files: string[],
  { concurrency, timeoutMs }: Group,
  output: Writable,
): Promise<boolean> {
  const own = emptyTally();
  const report = new spec();
  report.pipe(output, { end: false });
  for await (const event of run({ files, concurrency, timeout: timeoutMs, signal: interruption.signal })) {
    if (event.type === "test:pass" || event.type === "test:fail") record(own, event);
    report.write(event);
  }
  report.end();
  await finished(report);
  add(tally, own);
  return own.failures.length === 0;
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

function stagesOf(group: Group): Stage[] {
  const files = filesOf(group);
  if (files.length === 0) return [];
  // A few files chosen by hand start Docker themselves, if they need it at all.
  const keepsDocker = group.needsDocker && words.length === 0;
  return [
    {
      name: `${group.folder} tests`,
      work(output) {
        const tests = () => runTests(files, group, output);
        return keepsDocker ? withDocker(tests) : tests();
      },
    },
  ];
}

await runStage({ name: "set-up", work: setUpMachine }, process.stdout);
if (words.length === 0) await runBeside(checks.map((row) => row.flatMap(stageOf)));
for (const [index, group] of groups.entries()) {
  if (group.isBesideTheOneBefore) continue;
  const next = groups[index + 1];
  await runBeside([group, ...(next?.isBesideTheOneBefore ? [next] : [])].map(stagesOf));
}

process.stdout.write(`\n${durations.join(", ")}\n`);
if (failedStages.length > 0) process.stdout.write(`Failed: ${failedStages.join(", ")}\n`);
if (interruption.signal.aborted) process.stdout.write("Interrupted.\n");
process.stdout.write(describeTally(tally));
const good = failedStages.length === 0 && isGood(tally, !strict) && !interruption.signal.aborted;
process.exitCode = good ? 0 : 1;
