/**
 * npm run bench -- [--quick] [--turns N] [--seconds N] [--only WORD] [--write]
 * Our native server beside nginx and lighttpd: the same load in one run, turn by turn.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { downloadScenarios } from "./downloads.ts";
import { renderTables, type Samples } from "./figures.ts";
import {
  descriptorLimit,
  findProgram,
  firstLineOf,
  loadCore,
  moveToLoadCore,
  serverCore,
} from "./machine.ts";
import { idleConnections, memoryScenarios } from "./memory.ts";
import { renderReport } from "./report.ts";
import { requestScenarios } from "./requests.ts";
import type { Scenario } from "./scenario.ts";
import type { RunningServer } from "./server.ts";
import { Sites } from "./sites.ts";
import { sizeScenario } from "./sizes.ts";
import { startScenarios } from "./starts.ts";
import { type Subject, startSubject, subjects } from "./subjects.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    turns: { type: "string" },
    seconds: { type: "string" },
    only: { type: "string", default: "" },
  },
});
const turns = Number(values.turns ?? (values.quick ? 1 : 5));
const seconds = Number(values.seconds ?? (values.quick ? 1 : 5));
const sizes = values.quick ? [100, 10_000] : [100, 10_000, 100_000];
const problems: string[] = [];
const running = new Set<RunningServer>();
const folder = mkdtempSync(join(tmpdir(), "statigo-bench-"));

/** What can't be done without, each with how to get it. */
function findMissing(): string[] {
  const tools = [
    ["wrk", "wrk"],
    ["taskset", "util-linux"],
  ] as const;
  const missing = tools
    .filter(([command]) => findProgram(command) === undefined)
    .map(([command, name]) => `${command} is not on PATH: apt-get install --no-install-recommends ${name}`);
  return [...missing, ...(subjects[0]?.missing ? [subjects[0].missing] : [])];
}

async function runOnce(scenario: Scenario, subject: Subject, sites: Sites): Promise<readonly number[]> {
  const workFolder = mkdtempSync(join(folder, `${subject.name}-`));
  const started: RunningServer[] = [];
  try {
    return await scenario.run({
      seconds,
      sites,
      subject,
      workFolder,
      start: async (setting, waits) => {
        const ordinary = { root: sites.ordinary(), workFolder, hasLog: false, maxConnections: 1024 };
        const server = await startSubject(subject, { ...ordinary, ...setting }, waits);
        started.push(server);
        running.add(server);
        return server;
      },
    });
  } finally {
    for (const server of started) {
      await server.stop();
      running.delete(server);
    }
    rmSync(workFolder, { recursive: true, force: true });
  }
}

function addSamples(samples: Samples, scenario: Scenario, name: string, figures: readonly number[]): void {
  const byMeasure = samples.get(scenario.title) ?? scenario.measures.map(() => new Map<string, number[]>());
  samples.set(scenario.title, byMeasure);
  for (const [index, figure] of figures.entries()) {
    const values = byMeasure[index]?.get(name) ?? [];
    byMeasure[index]?.set(name, [...values, figure]);
  }
}

async function runTurns(
  scenarios: readonly Scenario[],
  present: readonly Subject[],
  sites: Sites,
): Promise<Samples> {
  const samples: Samples = new Map();
  for (let turn = 0; turn < turns; turn++) {
    for (const scenario of scenarios) {
      process.stderr.write(`turn ${turn + 1} of ${turns}: ${scenario.title}\n`);
      // Each server is the first of a turn in its turn, so that none always runs in the warmth of another.
      for (const offset of present.keys()) {
        const subject = present[(turn + offset) % present.length];
        if (subject === undefined) continue;
        try {
          addSamples(samples, scenario, subject.name, await runOnce(scenario, subject, sites));
        } catch (error) {
          problems.push(`${scenario.title}, ${subject.name}: ${String(error).slice(0, 500)}`);
        }
      }
    }
  }
  return samples;
}

function chooseScenarios(): Scenario[] {
  const all = [
    ...requestScenarios,
    ...downloadScenarios,
    ...memoryScenarios,
    ...startScenarios(sizes),
    sizeScenario,
  ];
  return all.filter(({ title }) => title.toLowerCase().includes(values.only.toLowerCase()));
}

async function bench(): Promise<void> {
  const present = subjects.filter(({ missing }) => missing === false);
  for (const { missing } of subjects) if (missing !== false) problems.push(missing);
  if (loadCore === serverCore) problems.push("this machine has one processor: server and load share it");
  if (descriptorLimit() < 2 * idleConnections + 1000)
    problems.push(
      `${descriptorLimit()} descriptors are too few for thousands of connections: ulimit -n 20000`,
    );
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  process.stderr.write("making the sites\n");
  const scenarios = chooseScenarios();
  const sites = new Sites(folder);
  for (const scenario of scenarios) scenario.prepare?.(sites);
  const samples = await runTurns(scenarios, present, sites);
  const names = present.map(({ name }) => name);
  const tables = renderTables(scenarios, samples, names);
  process.stdout.write(`${tables}\n${problems.map((problem) => `${problem}\n`).join("")}`);
  if (!values.write) return;
  const run = {
    turns,
    seconds,
    wrkVersion: firstLineOf("wrk", ["--version"]).replace(/ \[.*/, ""),
    problems,
  };
  writeFileSync(join(import.meta.dirname, "README.md"), renderReport(tables, present, run));
  process.stderr.write("written to bench/README.md\n");
}

async function endAll(): Promise<void> {
  for (const server of running) await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

const missing = findMissing();
if (missing.length > 0) {
  process.stderr.write(
    `The measurement needs more than is here:\n${missing.map((line) => `  ${line}\n`).join("")}`,
  );
  process.exitCode = 1;
  rmSync(folder, { recursive: true, force: true });
} else {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void endAll().then(() => process.exit(130)));
  }
  moveToLoadCore();
  try {
    await bench();
  } finally {
    await endAll();
  }
}
