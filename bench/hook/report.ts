/** bench/hook.md, as --write leaves it. */
import { describeMachine, loadCore, serverCore } from "../machine.ts";

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly digits: number;
  /** The bar. */
  readonly atMost?: number;
}

export interface HookRun {
  readonly ratePerSecond: number;
  readonly seconds: number;
  readonly starts: number;
}

export function renderHookTable(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value, unit, digits, atMost }) => {
    const shown = value.toLocaleString("en", {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
    const bar = atMost === undefined ? "" : `≤ ${atMost}: ${value <= atMost ? "met" : "**missed**"}`;
    return `| ${name} | ${shown}${unit === "" ? "" : ` ${unit}`} | ${bar} |`;
  });
  return ["| | measured | bar |", "| --- | ---: | --- |", ...rows, ""].join("\n");
}

export function renderHookReport(figures: readonly Figure[], run: HookRun): string {
  return `# The hook, measured

Written by \`npm run bench:hook -- --write\` on ${new Date().toISOString().slice(0, 10)}.

- Machine: ${describeMachine()}; Node ${process.version}
- The bundled hook (\`dist/hook.js\`) runs on processor ${serverCore}, load and engine on processor ${loadCore}, over loopback.
- ${run.ratePerSecond} webhooks a second for ${run.seconds} s to 20 services, after 2 s that do not count. They are sent when they are due,
  whether the ones before were answered or not, and their time counts from then. Each is for a release that is not known yet.
- Answered means stored: the hook waits for the disk (WAL, \`synchronous = FULL\`) before it says 202.
- Deployments run all the while, four at a time: 19 services by way of an HTTP engine that takes half a second, one by starting a
  program. What comes while a service is deployed supersedes what waits.
- Starts are medians of ${run.starts}. Memory is what the kernel calls resident (VmRSS, VmHWM), 1 MB = 1,000,000 bytes.

## To repeat it

\`\`\`sh
npm ci && npm run build
npm run bench:hook -- --quick     # a few seconds, to see that all works
npm run bench:hook -- --write     # two minutes, into this file
\`\`\`

## Figures

${renderHookTable(figures)}`;
}
