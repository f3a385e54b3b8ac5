/**
 * npm run bench:hook-day -- [--minutes N] [--services N] [--releases N] [--write]
 * A day of a fleet of 1,000 services, replayed in ten minutes: pushes, events that are sent again, and events that
 * come in the wrong order. Every one of them has to be accounted for.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openStore, type Store } from "../hook/store/store.ts";
import { bundle, startHook } from "./hook/process.ts";
import { accountFor } from "./hook-day/account.ts";
import { configOfFleet, startEngine } from "./hook-day/fleet.ts";
import { planDay } from "./hook-day/plan.ts";
import { replayDay } from "./hook-day/replay.ts";
import { renderDay } from "./hook-day/report.ts";
import { moveToLoadCore } from "./machine.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    services: { type: "string", default: "1000" },
    releases: { type: "string", default: "20" },
    write: { type: "boolean", default: false },
  },
});
const [minutes, services, releases] = [values.minutes, values.services, values.releases].map(Number) as [
  number,
  number,
  number,
];
/** What an engine takes for one deployment. */
const workMs = 100;

async function untilIdle(store: Store): Promise<void> {
  while (store.countByState().length > 0) await sleep(100);
}

async function replay(folder: string): Promise<void> {
  const engine = await startEngine(workMs);
  writeFileSync(join(folder, "hook.yaml"), configOfFleet(services, engine.port));
  const hook = await startHook(folder);
  const store = openStore(join(folder, "hook.db"));
  try {
    const plan = planDay({ services, releases, seed: 20_260_101 });
    const answers = await replayDay(hook.origin, plan, minutes * 60_000);
    await untilIdle(store);
    const account = accountFor(plan, answers, store, engine);
    const times = answers.map(({ durationMs }) => durationMs).sort((one, other) => one - other);
    const text = renderDay(account, {
      minutes,
      services,
      workMs,
      times,
      highestMegabytes: hook.highestMegabytes(),
    });
    process.stdout.write(text);
    for (const fault of account.faults.slice(0, 20)) process.stderr.write(`${fault}\n`);
    if (account.faults.length > 0) process.exitCode = 1;
    else if (values.write) writeFileSync(join(import.meta.dirname, "hook-day.md"), text);
  } finally {
    store.close();
    await hook.stop();
    engine.stop();
  }
}

if (existsSync(bundle)) {
  moveToLoadCore();
  const folder = mkdtempSync(join(tmpdir(), "statigo-bench-day-"));
  await replay(folder).finally(() => rmSync(folder, { recursive: true, force: true }));
} else {
  process.stderr.write("dist/hook.js is not there: npm run build\n");
  process.exitCode = 1;
}
