import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { DeployContext, Outcome, Release, Target } from "../../hook/target/target.ts";
import { configOf, readConfig, script, startHook, type TestHook, until } from "../support/hook.ts";

const hooks: TestHook[] = [];
afterEach(async () => {
  for (const hook of hooks.splice(0)) await hook.stop();
});

const succeeded: Outcome = { kind: "succeeded", summary: "the engine has it" };

const yaml = configOf({ blog: `${script("exit 0")}\n    retry: { first: 10ms, maximum: 20ms }` });

/** A hook whose service `blog` has an engine of the test's own. */
async function start(target: Partial<Target>): Promise<TestHook> {
  const hook = await startHook(yaml);
  hooks.push(hook);
  install(hook, target);
  return hook;
}

function install(hook: TestHook, target: Partial<Target>, image = "stut/blog"): void {
  const config = readConfig(yaml.replace("image: stut/blog", `image: ${image}`), hook.folder);
  const services = [...config.services].map(([name, service]) => {
    const engine: Target = { name: "engine", timeoutMs: 5000, deploy: async () => succeeded, ...target };
    return [name, { ...service, target: engine }] as const;
  });
  hook.reload({ ...config, services: new Map(services) });
}

async function deploy(hook: TestHook, tag: string, id: number) {
  await hook.push(tag);
  return hook.untilEnded(id);
}

function statesOf(hook: TestHook, id: number): string[] {
  return hook.store
    .listTransitions(id)
    .map(({ state }) => state)
    .slice(2);
}

describe("an engine", () => {
  test("that goes back by itself makes a rolled-back deployment, never a success", async () => {
    const hook = await start({
      deploy: async ({ tag }) =>
        tag === "v2" ? { kind: "rolled-back", reason: "the update did not converge" } : succeeded,
    });
    await deploy(hook, "v1", 1);
    const { state, reason, rolledBackTo } = await deploy(hook, "v2", 2);
    assert.deepEqual([state, reason, rolledBackTo], ["rolled-back", "the update did not converge", "v1"]);
    assert.equal(hook.store.lastSucceeded("blog")?.tag, "v1");
  });

  test("that has the release and finds it bad gets the last good one back", async () => {
    const calls: string[] = [];
    const hook = await start({
      async deploy({ tag }) {
        calls.push(`deploy ${tag}`);
        if (tag === "v1") return succeeded;
        return { kind: "failed", reason: "its tasks keep ending", engine: "changed" };
      },
      async rollback({ tag }: Release, { tag: from }) {
        calls.push(`rollback ${from} to ${tag}`);
        return succeeded;
      },
    });
    await deploy(hook, "v1", 1);
    const { state, reason, rolledBackTo } = await deploy(hook, "v2", 2);
    assert.deepEqual([state, rolledBackTo], ["rolled-back", "v1"]);
    assert.equal(reason, "its tasks keep ending; rolled back to v1");
    assert.deepEqual(statesOf(hook, 2), ["deploying", "rolling-back", "rolled-back"]);
    assert.deepEqual(calls, ["deploy v1", "deploy v2", "rollback v2 to v1"]);
  });

  test("that did not take the release says what goes on serving", async () => {
    const hook = await start({
      deploy: async ({ tag }) =>
        tag === "v1" ? succeeded : { kind: "failed", reason: "no such node", engine: "unchanged" },
    });
    await deploy(hook, "v1", 1);
    const { state, reason } = await deploy(hook, "v2", 2);
    assert.deepEqual([state, reason], ["failed", "no such node; v1 goes on serving"]);
  });

  test("that is away during the way back is asked again at once, not by way of the queue", async () => {
    let failures = 3;
    const hook = await start({
      async deploy({ tag }) {
        if (tag === "v2") return { kind: "failed", reason: "bad", engine: "changed" };
        if (hook.store.find(2) === undefined) return succeeded;
        failures -= 1;
        return failures < 0 ? succeeded : { kind: "failed", reason: "the engine is away", isTemporary: true };
      },
    });
    await deploy(hook, "v1", 1);
    const { state } = await deploy(hook, "v2", 2);
    assert.equal(state, "rolled-back");
    assert.deepEqual(statesOf(hook, 2), ["deploying", "rolling-back", "rolled-back"]);
    assert.equal(hook.logOf(2).match(/the engine is away; trying again in 0\.0 s/g)?.length, 3);
  });

  test("whose way back is cancelled leaves a word about what it may have", async () => {
    const hook = await start({
      deploy: async ({ tag }) =>
        tag === "v1" ? succeeded : { kind: "failed", reason: "bad", engine: "changed" },
      async rollback(_to, _deployment, { signal }: DeployContext) {
        await sleep(10_000, undefined, { signal }).catch(() => {});
        return { kind: "failed", reason: "stopped" };
      },
    });
    await deploy(hook, "v1", 1);
    await hook.push("v2");
    await until("it goes back", () => hook.store.find(2)?.state === "rolling-back");
    await hook.operations.cancel(2, "ada");
    const { state, reason } = await hook.untilEnded(2);
    assert.equal(state, "cancelled");
    assert.equal(
      reason,
      "cancelled by ada: bad; going back to v1 was not finished: whether the engine has it or v2 is not known",
    );
  });

  test("is not given a tag of an image that the service had before", async () => {
    const hook = await start({});
    await deploy(hook, "v1", 1);
    const asked: string[] = [];
    const target: Partial<Target> = {
      async deploy({ tag }) {
        asked.push(tag);
        return { kind: "failed", reason: "bad", engine: "changed" };
      },
    };
    install(hook, target, "stut/other");
    await hook.push("v2", { image: "stut/other" });
    const { state, reason } = await hook.untilEnded(2);
    assert.deepEqual([state, asked], ["failed", ["v2"]]);
    assert.equal(reason, "bad; there is no earlier release to go back to, so v2 stays");
  });

  test("that throws is a failed deployment, and the next one goes on", async () => {
    const hook = await start({
      async deploy({ tag }) {
        if (tag === "v1") throw new Error("a bug");
        return succeeded;
      },
    });
    const { state, reason } = await deploy(hook, "v1", 1);
    assert.deepEqual([state, reason], ["failed", "the target engine broke: a bug"]);
    assert.equal((await deploy(hook, "v2", 2)).state, "succeeded");
  });

  test("is told its deadline, and may say how it goes on", async () => {
    let deadlineMs = 0;
    const hook = await start({
      async deploy(_deployment, { log, deadline }) {
        deadlineMs = deadline.getTime() - Date.now();
        for (const line of ["1 of 2 tasks", "2 of 2 tasks"]) log(line);
        return { ...succeeded, isConverged: true };
      },
    });
    await deploy(hook, "v1", 1);
    assert.ok(deadlineMs > 4000 && deadlineMs <= 5000);
    assert.match(hook.logOf(1), /^1 of 2 tasks\n2 of 2 tasks\nthe engine has it$/m);
  });
});
