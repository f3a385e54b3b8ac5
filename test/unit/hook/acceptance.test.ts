import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, mock, test } from "node:test";
import type { AcceptPolicy } from "../../../hook/store/acceptance.ts";
import type { NewDeployment } from "../../../hook/store/changes.ts";
import type { State } from "../../../hook/store/deployment.ts";
import { openStore, type Store } from "../../../hook/store/store.ts";
import { newDeployment, takeAll } from "../../support/deployments.ts";
import { temporaryFolder } from "../../support/hook.ts";

const minuteMs = 60_000;
const policy: AcceptPolicy = { ...takeAll, dedupeMs: 10 * minuteMs };
const [digestA, digestB] = ["a", "b"].map((letter) => `sha256:${letter.repeat(64)}`) as [string, string];

let folder: string;
let store: Store;
beforeEach(() => {
  folder = temporaryFolder();
  store = openStore(join(folder, "hook.db"));
  mock.timers.enable({ apis: ["Date"], now: 1_800_000_000_000 });
});
afterEach(() => {
  mock.timers.reset();
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

async function accept(tag: string, more: Partial<NewDeployment> = {}, given = policy) {
  const [accepted] = await store.accept(given, [newDeployment("blog", tag, more)]);
  if (accepted === undefined) throw new Error("nothing was accepted");
  return accepted;
}

function end(id: number, state: State): Promise<unknown> {
  return store.transition(id, state, { reason: null, actor: "hook" });
}

const statesOf = () =>
  store
    .list({ limit: 99 })
    .map(({ tag, state }) => `${tag} ${state}`)
    .toReversed();

describe("a webhook that says again what one said before", () => {
  type Event = Partial<NewDeployment>;
  const [pushA, pushB] = [{ pushedAtMs: 1 }, { pushedAtMs: 2 }];
  const cases: readonly [why: string, first: Event, second: Event, apartMs: number, isDuplicate: boolean][] =
    [
      [
        "the same delivery, a year later",
        { deliveryId: "x" },
        { deliveryId: "x" },
        365 * 1440 * minuteMs,
        true,
      ],
      [
        "another delivery of the same digest",
        { deliveryId: "x", digest: digestA },
        { deliveryId: "y", digest: digestA },
        minuteMs,
        true,
      ],
      ["the same digest within the window", { digest: digestA }, { digest: digestA }, 10 * minuteMs, true],
      [
        "the same digest after the window",
        { digest: digestA },
        { digest: digestA },
        10 * minuteMs + 1,
        false,
      ],
      [
        "the same digest, by a clock that was set back",
        { digest: digestA },
        { digest: digestA },
        -5 * minuteMs,
        true,
      ],
      ["another digest: the tag was pushed again", { digest: digestA }, { digest: digestB }, 1, false],
      ["the same time of push", pushA, pushA, minuteMs, true],
      ["another time of push", pushA, pushB, 1, false],
      ["one sender tells the digest, the other does not", { digest: digestA }, {}, 30_000, true],
      ["no digest and no time, shortly after", {}, {}, 30_000, true],
      ["no digest and no time, a while after", {}, {}, 30_001, false],
    ];
  for (const [why, first, second, apartMs, isDuplicate] of cases) {
    test(`${isDuplicate ? "is not deployed again" : "is deployed"}: ${why}`, async () => {
      const { deployment } = await accept("v1", first);
      mock.timers.setTime(Date.now() + apartMs);
      const again = await accept("v1", second);
      assert.equal(again.isDuplicate, isDuplicate);
      assert.equal(again.deployment.id === deployment.id, isDuplicate);
    });
  }

  for (const [state, isDuplicate] of [
    ["deploying", true],
    ["succeeded", true],
    ["rolled-back", true],
    ["cancelled", true],
    ["superseded", true],
    ["failed", false],
  ] as const) {
    test(`is ${isDuplicate ? "not deployed again" : "deployed"} when the first is ${state}`, async () => {
      const { deployment } = await accept("v1", { digest: digestA });
      await end(deployment.id, state);
      assert.equal((await accept("v1", { digest: digestA })).isDuplicate, isDuplicate);
    });
  }

  test("is found among what the same delivery brought", async () => {
    const both = [
      newDeployment("blog", "v1", { deliveryId: "x" }),
      newDeployment("blog", "v2", { deliveryId: "x" }),
    ];
    assert.deepEqual(
      (await store.accept(policy, both)).map(({ isDuplicate }) => isDuplicate),
      [false, false],
    );
    assert.deepEqual(
      (await store.accept(policy, both)).map(({ isDuplicate }) => isDuplicate),
      [true, true],
    );
  });

  test("is none when another service, another image or another tag is meant", async () => {
    await accept("v1", { digest: digestA, deliveryId: "x" });
    for (const other of [{ service: "site" }, { image: "stut/other", deliveryId: null }, { tag: "v2" }])
      assert.equal((await accept("v1", { digest: digestA, deliveryId: "x", ...other })).isDuplicate, false);
  });

  test("is none when `dedupe` is 0s, but for the same delivery", async () => {
    await accept("v1", { digest: digestA, deliveryId: "x" }, takeAll);
    assert.equal((await accept("v1", { digest: digestA, deliveryId: "y" }, takeAll)).isDuplicate, false);
    assert.equal((await accept("v1", { digest: digestA, deliveryId: "x" }, takeAll)).isDuplicate, true);
  });

  test("is none of what a person asked for", async () => {
    await store.write((changes) =>
      changes.insert(newDeployment("blog", "v1", { cause: "deploy" }), {
        state: "waiting",
        reason: null,
        actor: "ben",
      }),
    );
    assert.equal((await accept("v1")).isDuplicate, false);
  });
});

describe("a webhook for a newer release", () => {
  test("supersedes what waits, and leaves alone what is under way", async () => {
    await accept("v1");
    await store.claimNext({ outsideWindow: [], nowMs: Date.now() });
    for (const tag of ["v2", "v3", "v4"]) await accept(tag);
    assert.deepEqual(statesOf(), ["v1 deploying", "v2 superseded", "v3 superseded", "v4 waiting"]);
    assert.equal(store.find(2)?.reason, "superseded by v3 of deployment 3");
  });

  test("supersedes nothing of another service", async () => {
    await accept("v1", { service: "site" });
    await accept("v2");
    assert.deepEqual(statesOf(), ["v1 waiting", "v2 waiting"]);
  });

  test("supersedes nothing that a person asked for or approved", async () => {
    await store.write((changes) =>
      changes.insert(newDeployment("blog", "v1", { cause: "rollback" }), {
        state: "waiting",
        reason: null,
        actor: "ben",
      }),
    );
    await accept("v2", {}, { ...policy, needsApproval: true });
    await store.write((changes) => changes.approve(2, "ben"));
    await accept("v3");
    assert.deepEqual(statesOf(), ["v1 waiting", "v2 waiting", "v3 waiting"]);
  });

  test("supersedes an older one that waits for another try", async () => {
    await accept("v1");
    await store.transition(1, "waiting", {
      reason: "x",
      actor: "hook",
      waitingFor: "retry",
      notBeforeMs: Date.now() + 1000,
    });
    await accept("v2");
    assert.deepEqual(statesOf(), ["v1 superseded", "v2 waiting"]);
  });
});

describe("a webhook for an older release", () => {
  const byTag: AcceptPolicy = { ...policy, isOlder: (release, other) => release.tag < other.tag };

  for (const state of ["waiting", "deploying", "verifying", "succeeded"] as const) {
    test(`is superseded when a newer one is ${state}`, async () => {
      await accept("v2", {}, byTag);
      if (state !== "waiting") await end(1, state);
      const { deployment } = await accept("v1", {}, byTag);
      assert.equal(deployment.state, "superseded");
      assert.equal(deployment.reason, "older than v2 of deployment 1, by the service's order");
      assert.deepEqual(
        store.listTransitions(2).map((step) => step.state),
        ["accepted", "superseded"],
      );
    });
  }

  for (const state of ["failed", "rolled-back", "cancelled", "superseded"] as const) {
    test(`is deployed when the newer one is ${state}`, async () => {
      await accept("v2", {}, byTag);
      await end(1, state);
      assert.equal((await accept("v1", {}, byTag)).deployment.state, "waiting");
    });
  }

  test("is deployed when what serves is older still, because a person went back", async () => {
    await accept("v3", {}, byTag);
    await end(1, "succeeded");
    await store.write((changes) =>
      changes.insert(newDeployment("blog", "v1", { cause: "rollback" }), {
        state: "waiting",
        reason: null,
        actor: "ben",
      }),
    );
    await end(2, "succeeded");
    assert.equal((await accept("v2", {}, byTag)).deployment.state, "waiting");
  });
});

test("a webhook of a service with approval waits for it, and is not started before", async () => {
  const { deployment } = await accept("v1", {}, { ...policy, needsApproval: true });
  assert.equal(deployment.waitingFor, "approval");
  const rules = { outsideWindow: [], nowMs: Date.now() };
  assert.equal(await store.claimNext(rules), undefined);
  const approved = await store.write((changes) => changes.approve(1, "ben"));
  assert.deepEqual(
    [approved.waitingFor, approved.approvedBy, approved.reason],
    ["turn", "ben", "approved by ben"],
  );
  assert.equal((await store.claimNext(rules))?.id, 1);
});
