import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { webhook } from "../../../../hook/notify/webhook.ts";
import { parseSigningKey, signWebhook } from "../../../../hook/secret/standard-webhooks.ts";
import { defaultSetting } from "../../../../hook/source/setting.ts";
import { standardWebhooks } from "../../../../hook/source/standard-webhooks.ts";
import { eventWith, type Receiver, readOptions, sendWith, startReceiver } from "../../../support/notify.ts";

const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const otherKey = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

let receiver: Receiver;
before(async () => {
  receiver = await startReceiver();
});
after(() => receiver.stop());

describe("a signature", () => {
  test("is the one of the specification's example", () => {
    const keys = [parseSigningKey(key) ?? Buffer.alloc(0)];
    const signed = signWebhook("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330_000, '{"test": 2432232314}', keys);
    assert.deepEqual(signed, {
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
  });

  const bad = [
    "",
    "whsec_",
    "whsec_c2hvcnQ=",
    "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    `whsec_${"A".repeat(100)}`,
  ];
  for (const text of bad)
    test(`is not made with the key "${text}"`, () => {
      assert.equal(parseSigningKey(text), undefined);
      assert.throws(() => readOptions(webhook, { url: "http://h.example/", signing: [text] }));
    });
});

describe("the webhook notifier", () => {
  test("posts what happened, under an id that stays the same, signed with every key", async () => {
    receiver.answer({ status: 204 });
    const given = {
      url: `${receiver.origin}/in?x=1`,
      signing: [key, otherKey],
      headers: { authorization: "Bearer 0123" },
    };
    assert.deepEqual(await sendWith(webhook, given), { ok: true });
    const { url, headers, body } = receiver.received.at(-1) ?? assert.fail();
    assert.equal(url, "/in?x=1");
    assert.equal(headers.authorization, "Bearer 0123");
    assert.equal(headers["webhook-id"], "msg_0123456789");
    assert.equal(String(headers["webhook-signature"]).split(" ").length, 2);
    for (const signing of [[key], [otherKey]]) {
      const raw = Buffer.from(body);
      const verify = standardWebhooks.verify?.(
        { headers, query: {}, raw },
        { ...defaultSetting, signing },
        Date.now(),
      );
      assert.equal(await verify, undefined);
    }
    assert.deepEqual(JSON.parse(body), {
      type: "deployment.failed",
      timestamp: "2026-08-01T10:00:05.000Z",
      data: {
        id: 12,
        service: "blog",
        image: "stut/blog",
        tag: "v2",
        digest: null,
        source: "docker-hub",
        target: "consul",
        cause: "webhook",
        actor: "webhook",
        pusher: "ci",
        state: "failed",
        reason: "nothing listens at http://127.0.0.1:8500: is Consul running there?",
        attempt: 1,
        rolledBackTo: null,
        previousTag: "v1",
        acceptedAt: "2026-08-01T10:00:00.000Z",
        startedAt: "2026-08-01T10:00:00.000Z",
        finishedAt: "2026-08-01T10:00:05.000Z",
        url: "https://hook.example.org/dashboard/#/deployments/12",
      },
    });
  });

  test("signs letters of any alphabet as they are sent", async () => {
    receiver.answer({ status: 200 });
    await sendWith(
      webhook,
      { url: receiver.origin, signing: [key] },
      eventWith({ pusher: "Zoë 😀", reason: "“no”" }),
    );
    const { headers, body } = receiver.received.at(-1) ?? assert.fail();
    const setting = { ...defaultSetting, signing: [key] };
    const request = { headers, query: {}, raw: Buffer.from(body, "utf8") };
    assert.equal(await standardWebhooks.verify?.(request, setting, Date.now()), undefined);
  });

  test("does not take headers that the hook sets itself", () => {
    for (const name of ["webhook-id", "Content-Type", "host", "a b"])
      assert.throws(() =>
        readOptions(webhook, { url: "http://h.example/", signing: [key], headers: { [name]: "x" } }),
      );
  });
});
