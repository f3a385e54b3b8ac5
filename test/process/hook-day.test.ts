/** A day of a fleet in short: `npm run bench:hook-day` has it at length. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { accountFor } from "../../bench/hook-day/account.ts";
import { configOfFleet, startEngine } from "../../bench/hook-day/fleet.ts";
import { countExpected, planDay } from "../../bench/hook-day/plan.ts";
import { replayDay } from "../../bench/hook-day/replay.ts";
import { openStore } from "../../hook/store/store.ts";
import { temporaryFolder, until } from "../support/hook.ts";
import { startHookProcess } from "../support/hook-process.ts";

test("a day of 1,000 services, with events sent twice and in the wrong order: each is accounted for", async () => {
  const services = 1000;
  const folder = temporaryFolder();
  const engine = await startEngine(20);
  const hook = await startHookProcess(folder, configOfFleet(services, engine.port));
  const store = openStore(join(folder, "hook.db"));
  try {
    const plan = planDay({ services, releases: 2, seed: 7 });
    const { new: wanted, older, duplicate } = countExpected(plan);
    assert.ok(Math.min(wanted, older, duplicate) > 50, "the day has something of everything");
    const answers = await replayDay(hook.origin(), plan, 5000);
    await until("all has ended", () => store.countByState().length === 0, 90_000);
    const { faults, ...counts } = accountFor(plan, answers, store, engine);
    assert.deepEqual(faults, []);
    assert.deepEqual([counts.duplicates, counts.older], [duplicate, older]);
    assert.equal(counts.deployed + counts.superseded, wanted);
  } finally {
    store.close();
    hook.child.kill("SIGTERM");
    await hook.ended;
    engine.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});
