import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseConfig } from "../../../../hook/config/load.ts";
import type { DeploymentEvent } from "../../../../hook/notify/event.ts";
import { notificationsFor } from "../../../../hook/notify/notifications.ts";
import type { Deployment, State } from "../../../../hook/store/deployment.ts";
import { configOf } from "../../../support/hook.ts";

const notifiers = `
notifiers:
  usual: { slack: { url: "http://127.0.0.1:1/" } }
  all: { slack: { url: "http://127.0.0.1:1/" }, on: [succeeded, failed, rolled-back, recovered, waiting-for-approval] }
  good: { slack: { url: "http://127.0.0.1:1/" }, on: [succeeded] }
  alerts: { alertmanager: { url: "http://127.0.0.1:1/" }, on: [rolled-back] }`;

function configWith(notify = "") {
  const yaml = `${configOf({ blog: "{ command: { run: [./x] } }" }, notifiers)}    ${notify}\n`;
  const parsed = parseConfig(yaml, "/hook.yaml", {});
  if ("problems" in parsed) throw new Error(parsed.problems.join("\n"));
  return parsed.config;
}

function deploymentIn(state: State, more: Partial<Deployment> = {}): Deployment {
  const base = { id: 7, service: "blog", state, waitingFor: null, replaces: null, tag: "v2", ...more };
  return base as Deployment;
}

/** `notifier event` for each. */
function told(
  deployment: Deployment,
  previous?: "succeeded" | "failed" | "rolled-back",
  notify?: string,
): string[] {
  const transition = {
    id: 1,
    deployment: 7,
    service: "blog",
    atMs: 5,
    state: deployment.state,
    reason: null,
    actor: "hook",
  };
  const history = { find: () => undefined, previousOutcome: () => previous };
  return notificationsFor(deployment, transition, configWith(notify), history).map(
    ({ notifier, event }) => `${notifier} ${event}`,
  );
}

describe("who is told", () => {
  test("of a failure: everybody who did not ask for other things only", () => {
    assert.deepEqual(told(deploymentIn("failed")), ["usual failed", "all failed"]);
  });

  test("of a rollback: Alertmanager as well, where it asked", () => {
    assert.deepEqual(told(deploymentIn("rolled-back")), [
      "usual rolled-back",
      "all rolled-back",
      "alerts rolled-back",
    ]);
  });

  test("of a success: only who wants to hear of it", () => {
    assert.deepEqual(told(deploymentIn("succeeded"), "succeeded"), ["all succeeded", "good succeeded"]);
    assert.deepEqual(told(deploymentIn("succeeded")), ["all succeeded", "good succeeded"]);
  });

  for (const before of ["failed", "rolled-back"] as const) {
    test(`of the first success after one that ${before}: each once, as a recovery where that is known`, () => {
      assert.deepEqual(told(deploymentIn("succeeded"), before), [
        "usual recovered",
        "all recovered",
        "good succeeded",
        // Also without being asked: its alert would not end.
        "alerts recovered",
      ]);
    });
  }

  test("of a wait: when it is for a person", () => {
    assert.deepEqual(told(deploymentIn("waiting", { waitingFor: "approval" })), [
      "usual waiting-for-approval",
      "all waiting-for-approval",
    ]);
    assert.deepEqual(told(deploymentIn("waiting", { waitingFor: "turn" })), []);
  });

  for (const state of [
    "accepted",
    "deploying",
    "verifying",
    "rolling-back",
    "superseded",
    "cancelled",
  ] as const)
    test(`of a deployment that is ${state}: nobody`, () => assert.deepEqual(told(deploymentIn(state)), []));

  test("of a service that chooses: whom it names, and nobody when it names none", () => {
    assert.deepEqual(told(deploymentIn("failed"), undefined, "notify: [all]"), ["all failed"]);
    assert.deepEqual(told(deploymentIn("failed"), undefined, "notify: []"), []);
  });
});

test("a notification holds what was the case when it came about", () => {
  const deployment = deploymentIn("failed", { reason: "no", replaces: 3, actor: "ops" });
  const transition = {
    id: 1,
    deployment: 7,
    service: "blog",
    atMs: 5,
    state: "failed" as const,
    reason: "no",
    actor: "hook",
  };
  const history = {
    find: (id: number) => deploymentIn("succeeded", { id, tag: "v1" }),
    previousOutcome: () => undefined,
  };
  const [first] = notificationsFor(deployment, transition, configWith(), history);
  const event = JSON.parse(first?.payload ?? "") as DeploymentEvent;
  assert.deepEqual([event.event, event.atMs, event.previousTag], ["failed", 5, "v1"]);
  assert.deepEqual([event.deployment.id, event.deployment.reason, event.deployment.actor], [7, "no", "ops"]);
});
