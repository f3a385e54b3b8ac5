import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, afterEach, beforeEach, describe, test } from "node:test";
import { fastify } from "fastify";
import { createDelivery, judge, messageIdOf } from "../../../hook/notify/delivery.ts";
import type { SendResult } from "../../../hook/notify/notifier.ts";
import type { Notification } from "../../../hook/store/deployment.ts";
import {
  configOf,
  readConfig,
  script,
  startHook,
  type TestHook,
  temporaryFolder,
  until,
} from "../../support/hook.ts";
import { startHookProcess } from "../../support/hook-process.ts";
import { failure, type Received, type Receiver, startReceiver } from "../../support/notify.ts";

const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const all = "[succeeded, failed, rolled-back, recovered, waiting-for-approval]";
/** Deploys well unless its tag begins with bad. */
const target = script('case "$STATIGO_TAG" in bad*) exit 1;; esac');
const notifications = { lookEveryMs: 20, sendTimeoutMs: 10_000, firstRetryMs: 20, maximumRetryMs: 40 };

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.stop());

function webhookNotifier(more = `on: ${all}`): string {
  return `{ webhook: { url: "${receiver.origin}/SECRET-path", signing: [${key}] }, ${more} }`;
}

/** `event tag` of each request that was received. */
function told(received: readonly Received[]): string[] {
  return received.map(({ body }) => {
    const { type, data } = JSON.parse(body) as { type: string; data: { tag: string } };
    return `${type.replace("deployment.", "")} ${data.tag}`;
  });
}

async function withHook(
  notifiers: string,
  work: (hook: TestHook) => Promise<void>,
  { more = "", timing = notifications } = {},
) {
  const yaml = `${configOf({ blog: target }, `notifiers: ${notifiers}`)}    retry: { attempts: 1 }\n    ${more}\n`;
  const hook = await startHook(yaml, { notifications: timing });
  try {
    await work(hook);
  } finally {
    await hook.stop();
  }
}

async function deploy(hook: TestHook, tag: string): Promise<number> {
  const answer = (await (await hook.push(tag)).json()) as { deployments: { id: number }[] };
  const id = answer.deployments[0]?.id ?? assert.fail();
  await hook.untilEnded(id);
  return id;
}

const notificationsOf = (hook: TestHook, id: number) => hook.store.listNotifications(id);

describe("notifications", () => {
  test("tell in order what became of a service's deployments, each with an id of its own", async () => {
    await withHook(`{ ops: ${webhookNotifier()} }`, async (hook) => {
      for (const tag of ["v1", "bad2", "bad3", "v4", "v5"]) await deploy(hook, tag);
      await until("all are told", () => receiver.received.length === 5);
      assert.deepEqual(told(receiver.received), [
        "succeeded v1",
        "failed bad2",
        "failed bad3",
        "recovered v4",
        "succeeded v5",
      ]);
      const ids = receiver.received.map(({ headers }) => headers["webhook-id"]);
      assert.equal(new Set(ids).size, 5);
      assert.ok(ids.every((id) => /^msg_[0-9a-f]{24}$/.test(String(id))));
    });
  });

  test("are tried again after a passing failure, with the same id, and those behind them wait their turn", async () => {
    receiver.answer((_, index) => ({ status: [500, 429, 503][index] ?? 200 }));
    await withHook(`{ ops: ${webhookNotifier()} }`, async (hook) => {
      const id = await deploy(hook, "bad1");
      await deploy(hook, "v2");
      await until("both are sent", () => receiver.received.length === 5);
      assert.deepEqual(told(receiver.received), [...Array(4).fill("failed bad1"), "recovered v2"]);
      assert.equal(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size, 2);
      await until("it is written down", () => notificationsOf(hook, id)[0]?.state === "sent");
      assert.equal(notificationsOf(hook, id)[0]?.attempt, 4);
      const metrics = await (await fetch(`${hook.origin}/metrics`)).text();
      assert.match(metrics, /^statigo_hook_notifications_total\{notifier="ops",result="retried"\} 3$/m);
      assert.match(metrics, /^statigo_hook_notifications_total\{notifier="ops",result="sent"\} [12]$/m);
      assert.match(metrics, /^statigo_hook_notifications_total\{notifier="ops",result="failed"\} 0$/m);
    });
  });

  test("are given up when they are refused, and those behind them are sent", async () => {
    receiver.answer((_, index) => ({ status: index === 0 ? 404 : 200 }));
    await withHook(`{ ops: ${webhookNotifier()} }`, async (hook) => {
      const id = await deploy(hook, "bad1");
      await deploy(hook, "v2");
      await until("the second is sent", () => receiver.received.length === 2);
      assert.deepEqual(told(receiver.received), ["failed bad1", "recovered v2"]);
      const [given] = notificationsOf(hook, id);
      assert.equal(given?.state, "failed");
      assert.match(given?.problem ?? "", /answered 404: see what it has logged/);
      const line =
        hook
          .log()
          .split("\n")
          .find((one) => one.includes("notification given up")) ?? "";
      const { notifier, service, event, deployment, level } = JSON.parse(line);
      assert.deepEqual([notifier, service, event, deployment, level], ["ops", "blog", "failed", id, 50]);
    });
  });

  test("that fail or hang neither fail a deployment nor delay it, and hold up no other notifier", async () => {
    receiver.answer(() => "nothing");
    const other = await startReceiver();
    const slack = `{ slack: { url: "${other.origin}/" }, on: ${all} }`;
    const work = async (hook: TestHook) => {
      assert.equal((await hook.untilEnded(await deploy(hook, "v1"))).state, "succeeded");
      await until("the other is told", () => other.received.length > 0);
      await until("it is tried again", () => receiver.received.length > 1);
    };
    const timing = { ...notifications, sendTimeoutMs: 300 };
    await withHook(`{ hangs: ${webhookNotifier()}, works: ${slack} }`, work, { timing });
    await other.stop();
  });

  test("are told nowhere what their URL is", async () => {
    receiver.answer({ status: 404, body: "Cannot POST /SECRET-path" });
    await withHook(`{ ops: ${webhookNotifier()} }`, async (hook) => {
      const id = await deploy(hook, "bad1");
      await until("it is given up", () => notificationsOf(hook, id)[0]?.state === "failed");
      const metrics = await (await fetch(`${hook.origin}/metrics`)).text();
      const seen = `${hook.log()}${metrics}${JSON.stringify(notificationsOf(hook, id))}`;
      assert.doesNotMatch(seen, /SECRET|MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw/);
    });
  });

  test("of a notifier that a reload took away are given up", async () => {
    receiver.answer({ status: 503 });
    await withHook(`{ ops: ${webhookNotifier()} }`, async (hook) => {
      const id = await deploy(hook, "bad1");
      hook.reload(readConfig(configOf({ blog: target }), hook.folder));
      await until("it is given up", () => notificationsOf(hook, id)[0]?.state === "failed");
      assert.equal(notificationsOf(hook, id)[0]?.problem, "the notifier is no longer in the config");
    });
  });

  test("ask for approval, once", async () => {
    await withHook(
      `{ ops: ${webhookNotifier()} }`,
      async (hook) => {
        await hook.push("v1");
        await until("it is told", () => receiver.received.length === 1);
        assert.deepEqual(told(receiver.received), ["waiting-for-approval v1"]);
        await hook.operations.approve(1, "ops");
        await hook.untilEnded(1);
        await until("the end is told", () => receiver.received.length === 2);
        assert.deepEqual(told(receiver.received), ["waiting-for-approval v1", "succeeded v1"]);
      },
      { more: "approval: true" },
    );
  });
});

describe("notifications over a restart", () => {
  const folder = temporaryFolder();
  after(() => rmSync(folder, { recursive: true, force: true }));

  test("are sent by the next process when the one before was killed while sending", async () => {
    receiver.answer(() => "nothing");
    const yaml = configOf({ blog: target }, `notifiers: { ops: ${webhookNotifier()} }`);
    const first = await startHookProcess(folder, yaml);
    assert.equal((await first.push("blog", "v1")).status, 202);
    await until("it is being sent", () => receiver.received.length === 1);
    first.child.kill("SIGKILL");
    await first.ended;
    receiver.answer({ status: 200 });
    const second = await startHookProcess(folder, yaml);
    await until("it is sent again", () => receiver.received.length === 2);
    assert.deepEqual(told(receiver.received), ["succeeded v1", "succeeded v1"]);
    const ids = receiver.received.map(({ headers }) => headers["webhook-id"]);
    assert.equal(ids[0], ids[1]);
    second.child.kill("SIGTERM");
    assert.equal((await second.ended).status, 0);
  });
});

describe("while the store cannot be written", () => {
  const due: Notification = {
    id: 1,
    deployment: 12,
    service: "blog",
    notifier: "ops",
    event: "failed",
    payload: JSON.stringify(failure),
    createdAtMs: Date.now(),
    attempt: 1,
    state: "pending",
    problem: null,
  };

  test("that is said once, and sending goes on by itself when it can be written again", async () => {
    let asked = 0;
    let isFinished = false;
    const lines: string[] = [];
    const stream = { write: (line: string) => void lines.push(line) };
    const yaml = configOf({ blog: target }, `notifiers: { ops: ${webhookNotifier()} }`);
    const delivery = createDelivery({
      live: { current: readConfig(yaml, "/") },
      store: {
        id: "a",
        async claimDueNotifications() {
          asked += 1;
          if (asked < 5) throw new Error("database or disk is full");
          return asked === 5 ? [due] : [];
        },
        async finishNotification() {
          isFinished = true;
        },
      },
      metrics: { countNotification() {} },
      logger: fastify({ logger: { stream } }).log,
      timing: notifications,
    });
    delivery.start();
    await until("it is sent", () => isFinished);
    await delivery.stop();
    assert.equal(lines.filter((line) => line.includes("the store could not be asked")).length, 1);
    assert.deepEqual(told(receiver.received), ["failed v2"]);
  });
});

describe("after a try", () => {
  const limits = { firstRetryMs: 5000, maximumRetryMs: 900_000 };
  const nowMs = 1_000_000_000;
  const hourMs = 3_600_000;
  const passing: SendResult = { ok: false, problem: "p", isTemporary: true };

  function dueAfterMs(attempt: number, sent: SendResult = passing, ageMs = 0): number | string {
    const { result } = judge({ attempt, createdAtMs: nowMs - ageMs }, sent, 24 * hourMs, limits, nowMs);
    return result.kind === "retry" ? result.dueAtMs - nowMs : result.kind;
  }

  const pauses: [attempt: number, minimumMs: number, maximumMs: number][] = [
    [1, 2500, 5000],
    [2, 5000, 10_000],
    [5, 40_000, 80_000],
    [50, 450_000, 900_000],
  ];
  for (const [attempt, minimumMs, maximumMs] of pauses) {
    test(`the pause after ${attempt} is between ${minimumMs} and ${maximumMs} ms`, () => {
      for (let index = 0; index < 50; index++) {
        const dueMs = dueAfterMs(attempt);
        assert.ok(typeof dueMs === "number" && dueMs >= minimumMs && dueMs <= maximumMs, String(dueMs));
      }
    });
  }

  test("the receiver's wish is kept, within an hour", () => {
    assert.equal(dueAfterMs(1, { ...passing, retryAfterMs: 60_000 }), 60_000);
    assert.equal(dueAfterMs(1, { ...passing, retryAfterMs: 30 * hourMs }), hourMs);
    assert.ok(Number(dueAfterMs(1, { ...passing, retryAfterMs: 0 })) >= 2500);
  });

  test("it is given up when the next one would come too late, and at once when it is refused", () => {
    assert.equal(dueAfterMs(1, passing, 24 * hourMs), "failed");
    assert.equal(typeof dueAfterMs(1, passing, 24 * hourMs - 5001), "number");
    assert.equal(dueAfterMs(1, { ok: false, problem: "p", isTemporary: false }), "failed");
    assert.equal(dueAfterMs(1, { ok: true }), "sent");
  });

  test("a message's id tells stores and notifications apart", () => {
    assert.equal(messageIdOf("a", 1), messageIdOf("a", 1));
    assert.equal(
      new Set([messageIdOf("a", 1), messageIdOf("a", 2), messageIdOf("b", 1), messageIdOf("a1", 1)]).size,
      4,
    );
  });
});
