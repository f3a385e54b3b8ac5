/**
 * npm run bench:hook -- [--quick] [--seconds N] [--rate N] [--write]
 * Webhooks at a steady rate to the bundled hook on one processor, while it deploys: how long until each is on the disk
 * and answered, how much memory that takes, and whether a long history changes it.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { fillHistory } from "./hook/history.ts";
import { type Latencies, listPages, sendWebhooks } from "./hook/load.ts";
import { bundle, makeFolder, type RunningHook, startEngine, startHook } from "./hook/process.ts";
import { type Figure, renderHookReport, renderHookTable } from "./hook/report.ts";
import { moveToLoadCore } from "./machine.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    seconds: { type: "string" },
    rate: { type: "string", default: "500" },
    history: { type: "string" },
    write: { type: "boolean", default: false },
  },
});
const seconds = Number(values.seconds ?? (values.quick ? 3 : 30));
const ratePerSecond = Number(values.rate);
const history = Number(values.history ?? (values.quick ? 5000 : 100_000));
const starts = values.quick ? 2 : 5;
/** Of the load that is not counted: the first webhooks meet code that was not compiled yet. */
const warmUpSeconds = 2;
const restMs = 3000;

let releases = 1_000_000_000;

async function load(hook: RunningHook, forSeconds: number): Promise<Latencies> {
  const found = await sendWebhooks({
    origin: hook.origin,
    ratePerSecond,
    seconds: forSeconds,
    from: releases,
  });
  releases += ratePerSecond * forSeconds;
  return found;
}

function latencyFigures(what: string, { p50Ms, p99Ms, highestMs, failures }: Latencies): Figure[] {
  return [
    { name: `${what}: 50th percentile`, value: p50Ms, unit: "ms", digits: 1 },
    { name: `${what}: 99th percentile`, value: p99Ms, unit: "ms", digits: 1, atMost: 25 },
    { name: `${what}: highest`, value: highestMs, unit: "ms", digits: 1 },
    { name: `${what}: not answered 202`, value: failures, unit: "", digits: 0, atMost: 0 },
  ];
}

async function measureLoad(folder: string, what: string): Promise<Figure[]> {
  const hook = await startHook(folder);
  try {
    await sleep(restMs);
    const restMegabytes = hook.residentMegabytes();
    await load(hook, warmUpSeconds);
    const processorMs = hook.processorMs();
    const latencies = await load(hook, seconds);
    const processorMsEach = (hook.processorMs() - processorMs) / latencies.count;
    const highestMegabytes = hook.highestMegabytes();
    return [
      ...latencyFigures(what, latencies),
      { name: `${what}: processor time a webhook`, value: processorMsEach, unit: "ms", digits: 2 },
      { name: `${what}: memory at rest before`, value: restMegabytes, unit: "MB", digits: 0, atMost: 120 },
      { name: `${what}: highest memory`, value: highestMegabytes, unit: "MB", digits: 0, atMost: 120 },
    ];
  } finally {
    await hook.stop();
  }
}

async function measureStart(folder: string, what: string): Promise<Figure> {
  const times: number[] = [];
  for (let turn = 0; turn < starts; turn++) {
    const hook = await startHook(folder);
    times.push(hook.startMs);
    await hook.stop();
  }
  const median = times.toSorted((one, other) => one - other)[Math.floor(starts / 2)] ?? Number.NaN;
  return { name: `${what}: start until it listens`, value: median, unit: "ms", digits: 0 };
}

async function measureLists(folder: string, what: string): Promise<Figure[]> {
  const hook = await startHook(folder);
  try {
    await listPages(hook.origin, "limit=50", 20);
    const queries = {
      "a page": "limit=50",
      "a page of one service's failures": "limit=50&service=service-3&state=failed",
    };
    const figures: Figure[] = [];
    for (const [name, query] of Object.entries(queries)) {
      const { p99Ms } = await listPages(hook.origin, query, 200);
      figures.push({
        name: `${what}: ${name}, 99th percentile`,
        value: p99Ms,
        unit: "ms",
        digits: 1,
        atMost: 25,
      });
    }
    return figures;
  } finally {
    await hook.stop();
  }
}

async function measureAll(parent: string): Promise<Figure[]> {
  const engine = await startEngine();
  try {
    const folder = makeFolder(parent, engine.port);
    const fresh = [
      await measureStart(folder, "an empty store"),
      ...(await measureLoad(folder, "an empty store")),
    ];
    rmSync(folder, { recursive: true });
    const filled = makeFolder(parent, engine.port);
    process.stderr.write(`storing ${history} deployments\n`);
    await fillHistory(filled, history);
    const what = `${history.toLocaleString("en")} stored deployments`;
    return [
      ...fresh,
      await measureStart(filled, what),
      ...(await measureLists(filled, what)),
      ...(await measureLoad(filled, what)),
    ];
  } finally {
    engine.stop();
  }
}

async function bench(): Promise<void> {
  moveToLoadCore();
  const parent = mkdtempSync(join(tmpdir(), "statigo-bench-hook-"));
  try {
    const figures = await measureAll(parent);
    process.stdout.write(renderHookTable(figures));
    if (!values.write) return;
    const run = { ratePerSecond, seconds, starts };
    writeFileSync(join(import.meta.dirname, "hook.md"), renderHookReport(figures, run));
    process.stderr.write("written to bench/hook.md\n");
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

if (existsSync(bundle)) await bench();
else {
  process.stderr.write("dist/hook.js is not there: npm run build\n");
  process.exitCode = 1;
}
