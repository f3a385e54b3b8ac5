/** Requests per second, processor time a request, and the slowest hundredth. */
import { ask } from "./clients.ts";
import type { Bar, Context, Measure, Scenario } from "./scenario.ts";
import { pagePaths } from "./sites.ts";
import { type Load, runLoad } from "./wrk.ts";

const connections = 32;
const page = pagePaths(1)[0] ?? "/";

function measuresWith(rateBar?: Bar, p99Bar?: Bar): Measure[] {
  return [
    { name: "requests", unit: "/s", better: "more", digits: 0, ...(rateBar && { bar: rateBar }) },
    { name: "processor time", unit: "µs a request", better: "less", digits: 2 },
    { name: "99th percentile", unit: "ms", better: "less", digits: 2, ...(p99Bar && { bar: p99Bar }) },
  ];
}

interface Variant {
  readonly hasLog?: boolean;
  readonly expectsErrors?: boolean;
  readonly load?: (port: number) => Promise<Partial<Load>>;
}

async function measure(
  context: Context,
  { hasLog = false, expectsErrors = false, load }: Variant,
): Promise<number[]> {
  const server = await context.start({ hasLog });
  await ask(server.port, page);
  const special = await load?.(server.port);
  const { seconds, workFolder } = context;
  const whole: Load = { path: page, connections, seconds, workFolder, ...special };
  const result = await runLoad(server, whole, expectsErrors);
  return [result.requestsPerSecond, result.cpuMicrosecondsPerRequest, result.p99Ms];
}

async function withTag(port: number): Promise<Partial<Load>> {
  const { head } = await ask(port, page);
  const tag = /^etag: (.*)$/im.exec(head)?.[1]?.trim();
  if (tag === undefined) throw new Error(`no ETag: ${head}`);
  return { fields: [`If-None-Match: ${tag}`] };
}

export const requestScenarios: readonly Scenario[] = [
  {
    title: `A file of 4 KB, ${connections} connections that are kept`,
    how: "wrk with one thread; no access log",
    measures: measuresWith(
      { kind: "ratio", against: { lighttpd: 1, nginx: 1.3 } },
      { kind: "ratio to the better", value: 1 },
    ),
    run: (context) => measure(context, {}),
  },
  {
    title: "The same with an access log",
    how: "combined format to a file, buffered by all (nginx: 32 KB or a second; ours: 200 lines or a tenth of a second)",
    measures: measuresWith(),
    run: (context) => measure(context, { hasLog: true }),
  },
  {
    title: "A hundred files of 4 KB in turn",
    how: "as above, without a log",
    measures: measuresWith(),
    run: (context) => measure(context, { load: async () => ({ paths: pagePaths(100) }) }),
  },
  {
    title: "304 to If-None-Match",
    how: "the tag that the server gave before",
    measures: measuresWith(),
    run: (context) => measure(context, { load: withTag }),
  },
  {
    title: "404 with the site's page",
    how: "a page of 23 bytes for all",
    measures: measuresWith(),
    run: (context) => measure(context, { expectsErrors: true, load: async () => ({ path: "/none.html" }) }),
  },
];
