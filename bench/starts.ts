/** From starting the process to the first byte of an answer. */
import { once } from "node:events";
import { ask } from "./clients.ts";
import type { Scenario } from "./scenario.ts";
import { spawnServer } from "./server.ts";
import { pagePaths } from "./sites.ts";

const startTimeoutMs = 30_000;
const limitsMs: ReadonlyMap<number, number> = new Map([
  [100, 10],
  [10_000, 150],
  [100_000, 2000],
]);

/** What starting any program that way takes, in ms: the least of five. */
async function timeBareStart(): Promise<number> {
  let leastMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const startedAt = performance.now();
    await once(spawnServer(["/bin/true"], 0, "ignore").child, "exit");
    leastMs = Math.min(leastMs, performance.now() - startedAt);
  }
  return leastMs;
}

/** Asks again and again, at once, until something listens. */
async function firstByteAt(port: number, path: string): Promise<number> {
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    try {
      return (await ask(port, path)).firstByteAt;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

export function startScenarios(sizes: readonly number[]): Scenario[] {
  return sizes.map((size) => {
    const limitMs = limitsMs.get(size);
    const bar = limitMs === undefined ? {} : { bar: { kind: "at most", value: limitMs } as const };
    return {
      title: `From start to first byte, a site of ${size.toLocaleString("en")} files`,
      how: "without the time that the shell and taskset need to start the program true the same way",
      measures: [
        { name: "time", unit: "ms", better: "less", digits: 1, ...bar },
        { name: "resident then", unit: "MB", better: "less", digits: 2 },
      ],
      prepare: (sites) => void sites.ofPages(size),
      run: async (context) => {
        const bareMs = await timeBareStart();
        const startedAt = performance.now();
        const server = await context.start({ root: context.sites.ofPages(size) }, false);
        const at = await firstByteAt(server.port, pagePaths(size).at(-1) ?? "/");
        return [at - startedAt - bareMs, server.memory().residentBytes / 1_000_000];
      },
    };
  });
}
