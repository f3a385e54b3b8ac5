/** bench/hook-day.md, as --write leaves it. */
import { describeMachine } from "../machine.ts";
import type { Account } from "./account.ts";

export interface DayRun {
  minutes: number;
  services: number;
  workMs: number;
  /** Of every answer, ascending. */
  times: readonly number[];
  highestMegabytes: number;
}

export function renderDay(
  account: Account,
  { minutes, services, workMs, times, highestMegabytes }: DayRun,
): string {
  const at = (share: number) => (times[Math.floor((times.length - 1) * share)] ?? Number.NaN).toFixed(1);
  const rows: [string, string | number][] = [
    ["webhooks, each answered 202 in the end", account.webhooks],
    ["… that were sent again because no answer came", account.sentAgain],
    ["… that said again what was known: duplicates", account.duplicates],
    ["… that came after a newer one: superseded at once", account.older],
    ["… whose turn a newer one took while they waited: superseded", account.superseded],
    ["… deployed", account.deployed],
    ["not accounted for, or not as it had to be", account.faults.length],
    ["time until the answer, median", `${at(0.5)} ms`],
    ["time until the answer, 99th percentile", `${at(0.99)} ms`],
    ["highest memory of the hook", `${highestMegabytes.toFixed(0)} MB`],
  ];
  return `# A day of ${services.toLocaleString("en")} services in ${minutes} minutes

Written by \`npm run bench:hook-day -- --write\` on ${new Date().toISOString().slice(0, 10)}; the counts have to be exact whatever else the machine
has to do; the times have not.

- Machine: ${describeMachine()}; Node ${process.version}
- The bundled hook; an engine that takes ${workMs} ms for a deployment, sixteen at a time. One release in ten comes in the wrong order,
  and one webhook in seven is sent twice.

| | |
| --- | ---: |
${rows.map(([what, value]) => `| ${what} | ${typeof value === "number" ? value.toLocaleString("en") : value} |`).join("\n")}
`;
}
