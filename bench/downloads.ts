/** Big files over loopback. */
import { ask, askForTag, downloadFor } from "./clients.ts";
import type { Context, Measure, Scenario } from "./scenario.ts";
import type { Sites } from "./sites.ts";

const fileMegabytes = 200;
const prepare = (sites: Sites) => void sites.bigFile(fileMegabytes);
const measures: readonly Measure[] = [
  { name: "rate", unit: "MB/s", better: "more", digits: 0, bar: { kind: "ratio to the better", value: 0.8 } },
  { name: "processor time", unit: "µs a MB", better: "less", digits: 0 },
  { name: "memory meanwhile", unit: "MB", better: "less", digits: 2 },
];

async function measure(context: Context, connections: number): Promise<number[]> {
  const path = context.sites.bigFile(fileMegabytes);
  const server = await context.start();
  await askForTag(server.port, path);
  const before = server.cpuMicroseconds();
  let residentBytes = 0;
  const sampling = setInterval(() => {
    residentBytes = Math.max(residentBytes, server.memory().residentBytes);
  }, 20);
  const what = { port: server.port, path, connections, sizeBytes: fileMegabytes * 1_000_000 };
  const { megabytes, seconds } = await downloadFor(context.seconds, what);
  clearInterval(sampling);
  const cpuMicroseconds = server.cpuMicroseconds() - before;
  return [megabytes / seconds, cpuMicroseconds / megabytes, residentBytes / 1_000_000];
}

export const downloadScenarios: readonly Scenario[] = [
  {
    title: "A file of 200 MB, one connection",
    how: "again and again, read into one buffer by this program; the file has its tag",
    measures,
    prepare,
    run: (context) => measure(context, 1),
  },
  {
    title: "A file of 200 MB, four connections at once",
    how: "the same",
    measures,
    prepare,
    run: (context) => measure(context, 4),
  },
  {
    title: "The first answer for a file of 200 MB",
    how: "HEAD of a file that was never asked for; ours makes its tag from the content then, the others from size and time",
    measures: [
      { name: "time", unit: "ms", better: "less", digits: 1 },
      { name: "until it has a tag", unit: "ms", better: "less", digits: 0 },
    ],
    prepare,
    run: async (context) => {
      const path = context.sites.bigFile(fileMegabytes);
      const server = await context.start();
      const startedAt = performance.now();
      const { firstByteAt } = await ask(server.port, path, "HEAD");
      await askForTag(server.port, path);
      return [firstByteAt - startedAt, performance.now() - startedAt];
    },
  },
];
