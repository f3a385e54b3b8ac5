import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, mock, test } from "node:test";
import type { State } from "../../../hook/store/deployment.ts";
import { openStore, type Store } from "../../../hook/store/store.ts";
import { newDeployment } from "../../support/deployments.ts";
import { temporaryFolder } from "../../support/hook.ts";

const dayMs = 24 * 60 * 60 * 1000;
const nowMs = 1_800_000_000_000;

let folder: string;
let store: Store;
beforeEach(() => {
  folder = temporaryFolder();
  store = openStore(join(folder, "hook.db"));
});
afterEach(() => {
  mock.timers.reset();
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Deployments of a day, in the order in which they were stored. */
async function storeOn(daysAgo: number, ...deployments: [service: string, state: State][]): Promise<void> {
  mock.timers.reset();
  mock.timers.enable({ apis: ["Date"], now: nowMs - daysAgo * dayMs });
  await store.write((changes) => {
    for (const [service, state] of deployments) {
      const first = { state: "waiting" as const, reason: null, actor: "test" };
      const { id } = changes.insert(newDeployment(service, "v1"), first);
      if (state !== "waiting") changes.change(id, state, { reason: null, actor: "test" });
    }
  });
}

async function pruneAll(keptDays: number): Promise<void> {
  mock.timers.reset();
  mock.timers.enable({ apis: ["Date"], now: nowMs });
  while ((await store.prune(nowMs - keptDays * dayMs)) > 0);
}

function left(): string[] {
  return store
    .list({ limit: 999 })
    .map(({ id, state }) => `${id} ${state}`)
    .toReversed();
}

describe("the history", () => {
  test("goes back as long as it is to be kept", async () => {
    await storeOn(11, ["blog", "failed"], ["blog", "superseded"]);
    await storeOn(9, ["blog", "failed"]);
    await pruneAll(10);
    assert.deepEqual(left(), ["3 failed"]);
  });

  test("loses a deployment with its log, its steps and its notifications", async () => {
    await storeOn(11, ["blog", "failed"]);
    await store.appendLog(1, [{ atMs: 1, line: "a" }]);
    await storeOn(1, ["blog", "failed"]);
    await pruneAll(10);
    assert.deepEqual([store.readLog(1), store.listTransitions(1)], [[], []]);
    assert.equal(store.listTransitions(2).length, 3);
  });

  test("keeps what has not ended, however old", async () => {
    await storeOn(99, ["a", "waiting"], ["b", "deploying"], ["c", "verifying"], ["d", "failed"]);
    await storeOn(0, ["a", "superseded"]);
    await pruneAll(10);
    assert.deepEqual(left(), ["1 waiting", "2 deploying", "3 verifying", "5 superseded"]);
  });

  test("keeps the last twenty good releases of each service, however old", async () => {
    const many = (service: string): [string, State][] =>
      Array.from({ length: 23 }, () => [service, "succeeded"]);
    await storeOn(99, ...many("blog"), ["site", "succeeded"]);
    await storeOn(0, ["other", "failed"]);
    await pruneAll(10);
    assert.equal(store.list({ services: ["blog"], limit: 99 }).length, 20);
    assert.equal(store.list({ services: ["blog"], limit: 99 }).at(-1)?.id, 4);
    assert.equal(store.lastSucceeded("site")?.id, 24);
  });

  test("loses nothing when nothing was stored since", async () => {
    await storeOn(99, ["blog", "failed"]);
    await pruneAll(10);
    assert.deepEqual(left(), ["1 failed"]);
  });

  test("is not kept whole by one entry that a wrong clock has dated in the future", async () => {
    await storeOn(-9999, ["blog", "failed"]);
    await storeOn(11, ["blog", "failed"]);
    await storeOn(1, ["blog", "failed"]);
    await pruneAll(10);
    assert.deepEqual(left(), ["3 failed"]);
  });

  test("of what people did is kept as long", async () => {
    const entry = { actor: "ann", action: "pause", service: "blog", deployment: null, detail: null };
    for (const daysAgo of [11, 9]) await store.addAudit({ ...entry, atMs: nowMs - daysAgo * dayMs });
    await storeOn(0, ["blog", "failed"]);
    await pruneAll(10);
    assert.deepEqual(
      store.listAudit({ limit: 9 }).map(({ id }) => id),
      [2],
    );
  });
});
