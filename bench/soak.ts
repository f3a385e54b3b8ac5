/**
 * npm run soak -- [--seconds N] [--only CLIENT] [--seed N] [--write]
 * Mixed load on the native server for a long time: wrk as fast as it goes, and beside it aborted downloads, ranges, slow
 * readers and writers, idle connections, garbage. Ten times in between the server comes to rest. Memory, descriptors and
 * latency have to stay flat. What --write leaves, the next README.md of bench/ has.
 */
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Random } from "../test/fuzz/random.ts";
import { median } from "./figures.ts";
import { moveToLoadCore } from "./machine.ts";
import { renderSoak, soakPath } from "./report.ts";
import type { Memory, RunningServer } from "./server.ts";
import { pagePaths, Sites } from "./sites.ts";
import { type Client, clientsOf } from "./soak-clients.ts";
import { startSubject, subjects } from "./subjects.ts";
import { type LoadResult, runLoad } from "./wrk.ts";

const blocks = 10;
/** More than this between the first and the last third of the run, in the median, is growth. */
const toleratedBytes = 200_000;
const toleratedDescriptors = 10;
/** What else the machine does doubles a latency now and then; a leak that is searched through grows it without end. */
const toleratedLatencyRatio = 2;
const sampleEveryMs = 250;
/** Longer than the server waits for the end of clients that are gone. */
const settleMs = 6000;
const wrkConnections = 16;
const wrkSeconds = 5;

interface Sample extends Memory {
  readonly descriptors: number;
}

interface Series {
  readonly underLoad: Sample[];
  readonly atRest: Sample[];
  readonly fullSpeed: LoadResult[];
  readonly visits: Map<string, number>;
}

interface Run {
  readonly server: RunningServer;
  readonly pages: readonly string[];
  readonly clients: Readonly<Record<string, Client>>;
  readonly hasWrk: boolean;
  readonly workFolder: string;
  readonly seed: number;
}

function takeSample(server: RunningServer): Sample {
  return { ...server.memory(), descriptors: readdirSync(`/proc/${server.child.pid}/fd`).length };
}

async function runClients(run: Run, endsAtMs: number, block: number, series: Series): Promise<void> {
  const workers = Object.entries(run.clients).flatMap(([name, { count, visit }]) =>
    Array.from({ length: count }, async (_, index) => {
      const random = new Random(run.seed + 100_000 * block + 1000 * index + name.length);
      while (performance.now() < endsAtMs) {
        await visit(run.server.port, random);
        series.visits.set(name, (series.visits.get(name) ?? 0) + 1);
      }
    }),
  );
  await Promise.all(workers);
}

async function runFullSpeed(run: Run, endsAtMs: number, series: Series): Promise<void> {
  const load = { path: "/", paths: run.pages, connections: wrkConnections, workFolder: run.workFolder };
  while (run.hasWrk && performance.now() < endsAtMs)
    series.fullSpeed.push(await runLoad(run.server, { ...load, seconds: wrkSeconds }));
}

/** Load for so long, then rest. */
async function runBlock(run: Run, seconds: number, block: number, series: Series): Promise<void> {
  const { server } = run;
  const endsAtMs = performance.now() + seconds * 1000;
  const sampling = setInterval(() => {
    // At full speed the log would be gigabytes.
    truncateSync(join(run.workFolder, "stdout.log"));
    // The last visits run on for a while, with less and less load.
    if (performance.now() < endsAtMs) series.underLoad.push(takeSample(server));
  }, sampleEveryMs);
  await Promise.all([runClients(run, endsAtMs, block, series), runFullSpeed(run, endsAtMs, series)]);
  clearInterval(sampling);
  await sleep(settleMs);
  series.atRest.push(takeSample(server));
}

function newSeries(): Series {
  return { underLoad: [], atRest: [], fullSpeed: [], visits: new Map() };
}

/** The medians of the first and the last third, and of each tenth. */
class Course {
  readonly first: number;
  readonly last: number;
  readonly tenths: readonly number[];
  constructor(values: readonly number[]) {
    const third = Math.ceil(values.length / 3);
    this.first = median(values.slice(0, third));
    this.last = median(values.slice(-third));
    const count = Math.min(10, values.length);
    this.tenths = Array.from({ length: count }, (_, index) =>
      median(
        values.slice(
          Math.floor((index * values.length) / count),
          Math.floor(((index + 1) * values.length) / count),
        ),
      ),
    );
  }
}

/** The lines that tell the run, and what in it was not flat. */
function judge({ underLoad, atRest, fullSpeed, visits }: Series): { lines: string[]; problems: string[] } {
  const lines = [`visits: ${[...visits].map(([name, count]) => `${count} ${name}`).join(", ")}`];
  const problems: string[] = [];
  const check = (
    title: string,
    values: readonly number[],
    digits: number,
    isFlat: (course: Course) => boolean,
  ) => {
    if (values.length === 0) return;
    const course = new Course(values);
    lines.push(`${title}: ${course.tenths.map((value) => value.toFixed(digits)).join(" ")}`);
    if (!isFlat(course)) problems.push(title);
  };
  const isAnything = () => true;
  const inKilobytes = (samples: readonly Sample[], name: keyof Memory) =>
    samples.map((sample) => sample[name] / 1000);
  const isFlatMemory = ({ first, last }: Course) => last - first <= toleratedBytes / 1000;
  for (const [phase, samples] of Object.entries({ "under load": underLoad, "at rest": atRest })) {
    check(`resident ${phase}, kB`, inKilobytes(samples, "residentBytes"), 0, isFlatMemory);
    check(`of it the server's own, kB`, inKilobytes(samples, "anonymousBytes"), 0, isFlatMemory);
    const descriptors = samples.map((sample) => sample.descriptors);
    const isFlat = ({ first, last }: Course) =>
      last - first <= (phase === "at rest" ? 0 : toleratedDescriptors);
    check(`descriptors ${phase}`, descriptors, 0, isFlat);
  }
  const isSteady = ({ first, last }: Course) => last <= first * toleratedLatencyRatio;
  check(
    "full speed, requests/s",
    fullSpeed.map((result) => result.requestsPerSecond),
    0,
    isAnything,
  );
  check(
    "median latency, ms",
    fullSpeed.map((result) => result.p50Ms),
    2,
    isSteady,
  );
  check(
    "99th percentile, ms",
    fullSpeed.map((result) => result.p99Ms),
    2,
    isSteady,
  );
  return { lines, problems };
}

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "1800" },
    only: { type: "string", default: "" },
    seed: { type: "string", default: "1" },
    write: { type: "boolean", default: false },
  },
});
const [statigo] = subjects;
if (statigo === undefined || statigo.missing !== false) throw new Error(statigo?.missing || "no server");
const workFolder = mkdtempSync(join(tmpdir(), "statigo-soak-"));
const sites = new Sites(workFolder);
moveToLoadCore();
const server = await startSubject(statigo, {
  root: sites.ordinary(),
  workFolder,
  hasLog: true,
  maxConnections: 1024,
});
try {
  const clients = Object.entries(clientsOf(sites)).filter(([name]) => name.includes(values.only));
  const run: Run = {
    server,
    pages: pagePaths(100),
    clients: Object.fromEntries(clients),
    hasWrk: "full speed".includes(values.only),
    workFolder,
    seed: Number(values.seed),
  };
  const blockSeconds = Number(values.seconds) / blocks;
  await runBlock(run, Math.min(10, blockSeconds), 0, newSeries());
  const series = newSeries();
  for (let block = 1; block <= blocks; block++) {
    await runBlock(run, blockSeconds, block, series);
    console.log(`${block}/${blocks}: ${JSON.stringify(series.atRest.at(-1))}`);
  }
  const { lines, problems } = judge(series);
  lines.push(problems.length === 0 ? "flat" : `NOT FLAT: ${problems.join(", ")}`);
  console.log(lines.join("\n"));
  if (problems.length > 0) process.exitCode = 1;
  if (values.write) writeFileSync(soakPath, renderSoak(lines, Number(values.seconds)));
} finally {
  await server.stop();
  rmSync(workFolder, { recursive: true, force: true });
}
