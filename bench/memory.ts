/** Memory at rest, under load, with slow readers, with idle connections, and for each file that was asked for. */
import { setTimeout as sleep } from "node:timers/promises";
import { ask, askForAll, askForTag, openIdleConnections, SlowReaders } from "./clients.ts";
import type { Measure, Scenario } from "./scenario.ts";
import type { RunningServer } from "./server.ts";
import { pagePaths } from "./sites.ts";
import { runLoad } from "./wrk.ts";

const page = pagePaths(1)[0] ?? "/";
const manyFiles = 10_000;
const slowMegabytes = 100;
export const idleConnections = 5000;
/** What nginx and lighttpd are told to expect; they take memory for it at their start. */
const maxConnections = 16_384;

function memoryMeasure(name: string, limitMegabytes?: number): Measure {
  const bar =
    limitMegabytes === undefined ? {} : { bar: { kind: "at most", value: limitMegabytes } as const };
  return { name, unit: "MB", better: "less", digits: 2, ...bar };
}

/** The most that was seen while `work` ran, in MB. */
async function peakDuring<Result>(
  server: RunningServer,
  work: () => Promise<Result>,
): Promise<[number, Result]> {
  let peakBytes = 0;
  const sample = () => {
    peakBytes = Math.max(peakBytes, server.memory().residentBytes);
  };
  const sampling = setInterval(sample, 50);
  try {
    const result = await work();
    sample();
    return [peakBytes / 1_000_000, result];
  } finally {
    clearInterval(sampling);
  }
}

const atRest: Scenario = {
  title: "Memory at rest, a site of 100 files",
  how: "after one request; VmRSS, RssAnon and RssFile, summed over a server's processes",
  measures: [memoryMeasure("resident", 1), memoryMeasure("its own"), memoryMeasure("of files")],
  run: async (context) => {
    const server = await context.start();
    await ask(server.port, page);
    await sleep(200);
    const { residentBytes, anonymousBytes, fileBytes } = server.memory();
    return [residentBytes, anonymousBytes, fileBytes].map((bytes) => bytes / 1_000_000);
  },
};

const underLoad: Scenario = {
  title: "1,000 connections that are kept, under load",
  how: "a file of 4 KB; the most that was resident meanwhile",
  measures: [
    memoryMeasure("resident", 6),
    { name: "requests", unit: "/s", better: "more", digits: 0 },
    { name: "processor time", unit: "µs a request", better: "less", digits: 2 },
  ],
  run: async (context) => {
    const server = await context.start({ maxConnections });
    const { seconds, workFolder } = context;
    const load = { path: page, connections: 1000, seconds, workFolder };
    const [peak, result] = await peakDuring(server, () => runLoad(server, load));
    return [peak, result.requestsPerSecond, result.cpuMicrosecondsPerRequest];
  },
};

const slowReaders: Scenario = {
  title: "1,000 slow readers of a file of 100 MB",
  how: "each takes at most 16 KB twice a second; the most that was resident meanwhile; the file has its tag",
  measures: [memoryMeasure("resident", 80)],
  prepare: (sites) => void sites.bigFile(slowMegabytes),
  run: async (context) => {
    const path = context.sites.bigFile(slowMegabytes);
    const server = await context.start({ maxConnections });
    await askForTag(server.port, path);
    const readers = new SlowReaders(server.port, path, 1000);
    try {
      const [peak] = await peakDuring(server, () => sleep(1000 * Math.max(3, context.seconds)));
      if (readers.countOpen() < 1000)
        throw new Error(`${readers.countOpen()} of 1,000 slow readers are left`);
      return [peak];
    } finally {
      readers.close();
    }
  },
};

const idle: Scenario = {
  title: "5,000 idle connections",
  how: "each was answered once; requests as in the first row, beside them and before them on the same server",
  measures: [
    memoryMeasure("resident", 25),
    { name: "requests beside them", unit: "/s", better: "more", digits: 0 },
    {
      name: "of the requests without them",
      unit: "%",
      better: "more",
      digits: 0,
      bar: { kind: "at least", value: 90 },
    },
    { name: "processor time beside them", unit: "µs a request", better: "less", digits: 2 },
  ],
  run: async (context) => {
    const server = await context.start({ maxConnections });
    const { seconds, workFolder } = context;
    const load = { path: page, connections: 32, seconds, workFolder };
    const alone = await runLoad(server, load);
    const sockets = await openIdleConnections(server.port, idleConnections);
    try {
      const [peak, beside] = await peakDuring(server, () => runLoad(server, load));
      const percent = (beside.requestsPerSecond / alone.requestsPerSecond) * 100;
      return [peak, beside.requestsPerSecond, percent, beside.cpuMicrosecondsPerRequest];
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  },
};

const aFile: Scenario = {
  title: "Memory for each file that was asked for, of 10,000",
  how: "HEAD of every file, one after another; ours knows 4,000 at once, at about 400 bytes each, and those that are asked for often always",
  prepare: (sites) => void sites.ofPages(manyFiles),
  measures: [
    {
      name: "resident",
      unit: "bytes a file",
      better: "less",
      digits: 0,
      bar: { kind: "at most", value: 300 },
    },
  ],
  run: async (context) => {
    const server = await context.start({ root: context.sites.ofPages(manyFiles) });
    await ask(server.port, page);
    const before = server.memory().residentBytes;
    await askForAll(server.port, pagePaths(manyFiles));
    return [(server.memory().residentBytes - before) / manyFiles];
  },
};

export const memoryScenarios: readonly Scenario[] = [atRest, underLoad, slowReaders, idle, aFile];
