import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { OperationError } from "../../hook/operations.ts";
import { findReason } from "../../hook/queue/waiting.ts";
import { newDeployment, startedDeployment } from "../support/deployments.ts";
import { configOf, script, startHook, type TestHook, until } from "../support/hook.ts";

const started: TestHook[] = [];
afterEach(() => Promise.all(started.splice(0).map((hook) => hook.stop())));

async function start(target: string, more = ""): Promise<TestHook> {
  const yaml = configOf({ blog: target }).replace("    target:", `${more}    target:`);
  const hook = await startHook(yaml);
  started.push(hook);
  return hook;
}

/** Writes down that it ran; v-bad fails. */
const recording = script('echo "$STATIGO_TAG" >> trace; [ "$STATIGO_TAG" != v-bad ]');
const gated = script('echo "$STATIGO_TAG" >> trace; until [ -e go ]; do sleep 0.01; done');

/** As `recording`, but as long as there is a file `hold`, it waits for a file `go`. */
const held = script(
  'echo "$STATIGO_TAG" >> trace; while [ -e hold ] && [ ! -e go ]; do sleep 0.01; done; [ "$STATIGO_TAG" != v-bad ]',
);

/** Starts a deployment that runs until there is a file `go`. */
async function deployHeld(hook: TestHook, tag: string): Promise<number> {
  writeFileSync(join(hook.folder, "hold"), "");
  const { id } = await hook.operations.deployTag("blog", { tag }, "ben");
  await until("it is being deployed", () => hook.store.find(id)?.state === "deploying");
  return id;
}

function traceOf({ folder }: TestHook): string[] {
  const file = join(folder, "trace");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

async function deployAll(hook: TestHook, ...tags: string[]): Promise<void> {
  for (const tag of tags) await hook.untilEnded((await hook.operations.deployTag("blog", { tag }, "ben")).id);
}

function refusal(code: string): (error: unknown) => boolean {
  return (error) => error instanceof OperationError && error.code === code;
}

function auditOf({ store }: TestHook): unknown[] {
  return store
    .listAudit({ limit: 99 })
    .map(({ actor, action, service, deployment, detail }) => [actor, action, service, deployment, detail])
    .toReversed();
}

/** As long as a deployment that may start would have taken to do so. */
const aWhileMs = 150;

describe("deploying a tag", () => {
  test("is done whatever the order says, and written down with who asked for it", async () => {
    const hook = await start(recording, "    order: tag-number\n");
    await deployAll(hook, "v2", "v1");
    assert.deepEqual(traceOf(hook), ["v2", "v1"]);
    const { cause, actor, source, state } = hook.store.find(2) ?? {};
    assert.deepEqual([cause, actor, source, state], ["deploy", "ben", "api", "succeeded"]);
    assert.deepEqual(auditOf(hook), [
      ["ben", "deploy", "blog", 1, "v2"],
      ["ben", "deploy", "blog", 2, "v1"],
    ]);
  });

  test("takes the place of older webhooks that wait", async () => {
    const hook = await start(recording, "    approval: true\n");
    await hook.push("v1");
    await deployAll(hook, "v2");
    assert.equal(hook.store.find(1)?.state, "superseded");
    assert.deepEqual(traceOf(hook), ["v2"]);
  });

  test("of a service that the config does not have is refused", async () => {
    const hook = await start(recording);
    await assert.rejects(
      hook.operations.deployTag("gone", { tag: "v1" }, "ben"),
      refusal("service_not_found"),
    );
    assert.deepEqual(auditOf(hook), []);
  });
});

describe("redeploying", () => {
  test("deploys the same release once more", async () => {
    const hook = await start(recording);
    await deployAll(hook, "v1");
    const again = await hook.operations.redeploy(1, "ben");
    assert.deepEqual([again.tag, again.cause, again.restores], ["v1", "redeploy", 1]);
    await hook.untilEnded(again.id);
    assert.deepEqual(traceOf(hook), ["v1", "v1"]);
  });

  test("what is not there is refused", async () => {
    const hook = await start(recording);
    await assert.rejects(hook.operations.redeploy(9, "ben"), refusal("deployment_not_found"));
  });
});

describe("rolling back", () => {
  const cases: readonly [why: string, deployed: string[], back: string[]][] = [
    ["to the release before the one that serves", ["v1", "v2"], ["v1"]],
    ["over what failed in between", ["v1", "v-bad", "v2", "v-bad"], ["v1"]],
    ["over what was deployed twice", ["v1", "v2", "v2"], ["v1"]],
    ["twice goes on to the one before, not forward again", ["v1", "v2", "v3"], ["v2", "v1"]],
    ["after a rollback and a new release, past what was left then", ["v1", "v2", "<v1", "v3"], ["v1"]],
  ];
  for (const [why, deployed, back] of cases) {
    test(why, async () => {
      const hook = await start(recording);
      for (const tag of deployed) {
        if (tag.startsWith("<"))
          await hook.untilEnded((await hook.operations.rollBack("blog", undefined, "ben")).id);
        else await deployAll(hook, tag);
      }
      for (const tag of back) {
        const rollback = await hook.operations.rollBack("blog", undefined, "ben");
        assert.deepEqual([rollback.tag, rollback.cause], [tag, "rollback"]);
        await hook.untilEnded(rollback.id);
      }
      assert.deepEqual(traceOf(hook).slice(-back.length), back);
    });
  }

  test("to a tag takes the digest that it had when it was good", async () => {
    const hook = await start(recording);
    const digest = `sha256:${"a".repeat(64)}`;
    await hook.untilEnded((await hook.operations.deployTag("blog", { tag: "v1", digest }, "ben")).id);
    await deployAll(hook, "v2", "v3");
    const rollback = await hook.operations.rollBack("blog", "v1", "ben");
    assert.deepEqual([rollback.tag, rollback.digest, rollback.restores], ["v1", digest, 1]);
    await hook.untilEnded(rollback.id);
  });

  for (const [what, tag, state] of [
    ["that gets live", "v3", "succeeded"],
    ["that fails", "v-bad", "failed"],
  ] as const) {
    test(`during a deployment ${what} brings what served before it, and so does pressing twice`, async () => {
      const hook = await start(held);
      await deployAll(hook, "v1", "v2");
      const running = await deployHeld(hook, tag);
      assert.equal(hook.operations.previousRelease("blog")?.tag, "v2");
      const rollback = await hook.operations.rollBack("blog", undefined, "ben");
      assert.deepEqual([rollback.tag, rollback.restores], ["v2", 2]);
      assert.equal(rollback.reason, `v2 comes back when ${tag} of deployment 3 has come to its end`);
      const twice = await hook.operations.rollBack("blog", undefined, "ben");
      assert.deepEqual([twice.tag, twice.restores], ["v2", 2]);
      writeFileSync(join(hook.folder, "go"), "");
      assert.equal((await hook.untilEnded(running)).state, state);
      assert.equal((await hook.untilEnded(twice.id)).state, "succeeded");
      assert.deepEqual(traceOf(hook), ["v1", "v2", tag, "v2", "v2"]);
      assert.equal((await hook.operations.rollBack("blog", undefined, "ben")).tag, "v1");
    });
  }

  test("during a rollback goes to the same release, and not forward to the one that is left", async () => {
    const hook = await start(held);
    await deployAll(hook, "v1", "v2", "v3");
    writeFileSync(join(hook.folder, "hold"), "");
    const first = await hook.operations.rollBack("blog", undefined, "ben");
    await until("it goes back", () => hook.store.find(first.id)?.state === "deploying");
    const second = await hook.operations.rollBack("blog", undefined, "ben");
    assert.deepEqual([first.tag, second.tag], ["v2", "v2"]);
    writeFileSync(join(hook.folder, "go"), "");
    await hook.untilEnded(second.id);
  });

  test("during a deployment of what serves goes to another release", async () => {
    const hook = await start(held);
    await deployAll(hook, "v1", "v2");
    await deployHeld(hook, "v2");
    const rollback = await hook.operations.rollBack("blog", undefined, "ben");
    assert.equal(rollback.tag, "v1");
    writeFileSync(join(hook.folder, "go"), "");
    await hook.untilEnded(rollback.id);
  });

  test("takes the place of what waits for another try, whoever asked for that", async () => {
    const hook = await start(recording);
    await deployAll(hook, "v1");
    const waits = { reason: "the engine is away", actor: "hook", waitingFor: "retry" } as const;
    const tried = await hook.store.write((changes) => {
      const given = newDeployment("blog", "v2", { cause: "deploy", actor: "ann" });
      const { id } = changes.insert(given, { state: "waiting", reason: null, actor: "ann" });
      return changes.change(id, "waiting", { ...waits, notBeforeMs: Date.now() + 600_000 });
    });
    const rollback = await hook.operations.rollBack("blog", "v1", "ben");
    assert.equal((await hook.untilEnded(rollback.id)).state, "succeeded");
    const { state, reason } = hook.store.find(tried.id) ?? {};
    assert.deepEqual([state, reason], ["superseded", `superseded by v1 of deployment ${rollback.id}`]);
  });

  for (const [why, deployed, tag] of [
    ["nothing was deployed yet", [], undefined],
    ["there is only what serves", ["v1", "v-bad"], undefined],
    ["the tag was never deployed", ["v1"], "v0"],
    ["the tag has only failed", ["v1", "v-bad"], "v-bad"],
  ] as const) {
    test(`is refused when ${why}`, async () => {
      const hook = await start(recording);
      await deployAll(hook, ...deployed);
      await assert.rejects(hook.operations.rollBack("blog", tag, "ben"), refusal("nothing_to_roll_back_to"));
    });
  }
});

describe("cancelling", () => {
  test("keeps one that waits from being deployed", async () => {
    const hook = await start(gated);
    for (const tag of ["v1", "v2"]) await hook.operations.deployTag("blog", { tag }, "ben");
    await until("the first starts", () => traceOf(hook).length === 1);
    const cancelled = await hook.operations.cancel(2, "ann");
    assert.deepEqual([cancelled.state, cancelled.reason], ["cancelled", "cancelled by ann while it waited"]);
    writeFileSync(join(hook.folder, "go"), "");
    await hook.untilEnded(1);
    await sleep(aWhileMs);
    assert.deepEqual(traceOf(hook), ["v1"]);
  });

  test("ends one that runs, and lets the next one start", async () => {
    const hook = await start(gated);
    for (const tag of ["v1", "v2"]) await hook.operations.deployTag("blog", { tag }, "ben");
    await until("the first starts", () => traceOf(hook).length === 1);
    await hook.operations.cancel(1, "ann");
    const ended = await hook.untilEnded(1);
    assert.equal(ended.state, "cancelled");
    assert.match(ended.reason ?? "", /^cancelled by ann/);
    assert.equal(hook.store.listTransitions(1).at(-1)?.actor, "ann");
    await until("the next one starts", () => traceOf(hook).length === 2);
    writeFileSync(join(hook.folder, "go"), "");
    await hook.untilEnded(2);
  });

  test("what has ended is refused", async () => {
    const hook = await start(recording);
    await deployAll(hook, "v1");
    await assert.rejects(hook.operations.cancel(1, "ann"), refusal("not_cancellable"));
    await assert.rejects(hook.operations.cancel(2, "ann"), refusal("deployment_not_found"));
  });
});

describe("approving", () => {
  test("lets a webhook's deployment start, once", async () => {
    const hook = await start(recording, "    approval: true\n");
    await hook.push("v1");
    await until("it waits", () => hook.store.find(1)?.waitingFor === "approval");
    await sleep(aWhileMs);
    assert.deepEqual([hook.store.find(1)?.waitingFor, traceOf(hook)], ["approval", []]);
    await hook.operations.approve(1, "ann");
    const { state, approvedBy } = await hook.untilEnded(1);
    assert.deepEqual([state, approvedBy], ["succeeded", "ann"]);
    await assert.rejects(hook.operations.approve(1, "ann"), refusal("not_waiting_for_approval"));
  });

  test("is not needed for what a person asks for", async () => {
    const hook = await start(recording, "    approval: true\n");
    await deployAll(hook, "v1");
    assert.deepEqual(traceOf(hook), ["v1"]);
  });
});

describe("pausing and freezing", () => {
  test("a pause holds everything until it is resumed, and says by whom and why", async () => {
    const hook = await start(recording);
    await deployAll(hook, "v1", "v2");
    await hook.operations.pause("blog", "disk is being replaced", "ann");
    await hook.push("v3");
    await hook.operations.rollBack("blog", undefined, "ben");
    await until("it is written down", () => hook.store.find(4)?.waitingFor === "pause");
    assert.equal(hook.store.find(4)?.reason, "paused by ann: disk is being replaced");
    await sleep(aWhileMs);
    assert.deepEqual(traceOf(hook), ["v1", "v2"]);
    await hook.operations.resume("blog", "ann");
    await hook.untilEnded(4);
    assert.deepEqual(traceOf(hook), ["v1", "v2", "v1"]);
    assert.deepEqual(auditOf(hook).slice(2), [
      ["ann", "pause", "blog", null, "disk is being replaced"],
      ["ben", "rollback", "blog", 4, "v1"],
      ["ann", "resume", "blog", null, null],
    ]);
  });

  test("a freeze holds everything but a way back, and ends by itself", async () => {
    const hook = await start(recording);
    await deployAll(hook, "v1", "v2");
    await hook.operations.freeze("blog", Date.now() + 3_600_000, null, "ann");
    const rollback = await hook.operations.rollBack("blog", undefined, "ben");
    assert.equal((await hook.untilEnded(rollback.id)).state, "succeeded");
    await hook.push("v3");
    await until("it is written down", () => hook.store.find(4)?.waitingFor === "freeze");
    assert.equal(hook.store.find(4)?.reason, "frozen by ann");
    const untilMs = Date.now() + 500;
    await hook.operations.freeze("blog", untilMs, null, "ann");
    const { startedAtMs } = await hook.untilEnded(4);
    assert.ok((startedAtMs ?? 0) >= untilMs);
    assert.deepEqual(traceOf(hook), ["v1", "v2", "v1", "v3"]);
  });

  test("a freeze can be ended early", async () => {
    const hook = await start(recording);
    await hook.operations.freeze("blog", Date.now() + 3_600_000, "holidays", "ann");
    await hook.push("v1");
    await until("it is written down", () => hook.store.find(1)?.waitingFor === "freeze");
    const state = await hook.operations.unfreeze("blog", "ann");
    assert.equal(state.frozenUntilMs, null);
    assert.equal((await hook.untilEnded(1)).state, "succeeded");
  });

  test("one service's does not hold another's", async () => {
    const hook = await startHook(configOf({ blog: recording, site: recording }));
    started.push(hook);
    await hook.operations.pause("blog", null, "ann");
    await hook.push("v1");
    await hook.push("v2", { service: "site", image: "stut/site" });
    await hook.untilEnded(2);
    assert.deepEqual(traceOf(hook), ["v2"]);
  });
});

test("a window holds webhooks outside of it, and nothing that a person asks for", async () => {
  const hourNow = new Date().getUTCHours();
  const [from, to] = [(hourNow + 2) % 24, (hourNow + 3) % 24].map((hour) => `"${hour}:00"`);
  const hook = await start(recording, `    window: { from: ${from}, to: ${to} }\n`);
  await hook.push("v1");
  await until("it is written down", () => hook.store.find(1)?.waitingFor === "window");
  await deployAll(hook, "v2");
  assert.deepEqual(traceOf(hook), ["v2"]);
});

describe("what a deployment waits for", () => {
  const idle = {
    pausedAtMs: null,
    pausedBy: null,
    pausedReason: null,
    frozenUntilMs: null,
    frozenBy: null,
    frozenReason: null,
  };
  const service = { service: "blog", ...idle };
  const paused = { ...service, pausedAtMs: 1, pausedBy: "ann" };
  const frozen = { ...service, frozenUntilMs: 2000, frozenBy: "ann" };
  const closed = { days: [], fromMinute: 0, toMinute: 1440, zone: "UTC" };
  const waiting = startedDeployment({ ...newDeployment("blog", "v1"), state: "waiting", waitingFor: "turn" });
  const cases = [
    ["turn", waiting, service, undefined],
    ["approval", { ...waiting, waitingFor: "approval" }, paused, closed],
    ["pause", { ...waiting, waitingFor: "freeze" }, { ...frozen, ...paused, frozenUntilMs: 2000 }, closed],
    ["freeze", waiting, frozen, closed],
    ["turn", { ...waiting, waitingFor: "freeze" }, { ...frozen, frozenUntilMs: 1000 }, undefined],
    ["turn", { ...waiting, cause: "rollback" }, frozen, undefined],
    ["window", waiting, service, closed],
    ["turn", { ...waiting, cause: "deploy" }, service, closed],
    ["turn", { ...waiting, approvedBy: "ann" }, service, closed],
    ["retry", { ...waiting, notBeforeMs: 2000 }, service, undefined],
    ["turn", { ...waiting, notBeforeMs: 1000, waitingFor: "retry" }, service, undefined],
  ] as const;
  for (const [index, [expected, deployment, state, window]] of cases.entries()) {
    test(`is ${expected} (${index + 1})`, () => {
      assert.equal(findReason(deployment, { service: state, window, nowMs: 1000 }).waitingFor, expected);
    });
  }
});
