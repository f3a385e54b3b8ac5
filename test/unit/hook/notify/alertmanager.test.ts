import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { alertmanager } from "../../../../hook/notify/alertmanager.ts";
import {
  contextFor,
  eventWith,
  type Receiver,
  readOptions,
  sendWith,
  setting,
  startReceiver,
} from "../../../support/notify.ts";

let receiver: Receiver;
before(async () => {
  receiver = await startReceiver();
});
after(() => receiver.stop());

interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt?: string;
  endsAt: string;
  generatorURL?: string;
}

async function sent(event: Parameters<typeof eventWith>[1], given: object = {}): Promise<Alert> {
  receiver.answer({ status: 200 });
  const result = await sendWith(alertmanager, { url: receiver.origin, ...given }, eventWith({}, event));
  assert.deepEqual(result, { ok: true });
  const [alert, ...more] = JSON.parse(receiver.received.at(-1)?.body ?? "") as Alert[];
  assert.deepEqual(more, []);
  return alert ?? assert.fail();
}

describe("an alert", () => {
  test("fires from the failure on, until something ends it or a week is over", async () => {
    assert.deepEqual(await sent({ event: "failed" }, { labels: { severity: "warning" } }), {
      labels: { alertname: "StatigoDeploymentFailed", service: "blog", severity: "warning" },
      annotations: {
        summary: "blog: deploying v2 failed",
        description: "nothing listens at http://127.0.0.1:8500: is Consul running there?",
        deployment: "12",
        tag: "v2",
        image: "stut/blog",
      },
      startsAt: "2026-08-01T10:00:05.000Z",
      endsAt: "2026-08-08T10:00:05.000Z",
      generatorURL: "https://hook.example.org/dashboard/#/deployments/12",
    });
  });

  test("of a failure, of a rollback and of the recovery from either is the same one by its labels", async () => {
    const failed = await sent({ event: "failed" });
    const rolledBack = await sent({ event: "rolled-back" });
    const recovered = await sent({ event: "recovered" });
    assert.deepEqual(rolledBack.labels, failed.labels);
    assert.deepEqual(recovered.labels, failed.labels);
  });

  test("ends at the recovery", async () => {
    const { startsAt, endsAt } = await sent({ event: "recovered", atMs: Date.UTC(2026, 7, 1, 11) });
    assert.deepEqual([startsAt, endsAt], [undefined, "2026-08-01T11:00:00.000Z"]);
  });
});

describe("Alertmanager", () => {
  test("may be served below a path and ask for a password or a token", async () => {
    await sent({}, { url: `${receiver.origin}/alerts/`, username: "hook", password: "p:w" });
    assert.equal(receiver.received.at(-1)?.url, "/alerts/api/v2/alerts");
    assert.equal(receiver.received.at(-1)?.headers.authorization, `Basic ${btoa("hook:p:w")}`);
    await sent({}, { token: "t0" });
    assert.equal(receiver.received.at(-1)?.headers.authorization, "Bearer t0");
  });

  test("is asked by `hook check` whether it is ready", async () => {
    const notifier = alertmanager.create(
      readOptions(alertmanager, { url: `${receiver.origin}/am` }),
      setting,
    );
    receiver.answer({ status: 200, body: "OK" });
    assert.deepEqual(await notifier.check?.(contextFor()), {
      ok: true,
      detail: `Alertmanager at ${receiver.origin} is ready`,
    });
    assert.equal(receiver.received.at(-1)?.url, "/am/-/ready");
    receiver.answer({ status: 503 });
    assert.deepEqual(await notifier.check?.(contextFor()), {
      ok: false,
      problem: `Alertmanager at ${receiver.origin} answered 503 to /am/-/ready`,
    });
  });
});
