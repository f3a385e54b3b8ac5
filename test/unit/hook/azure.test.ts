import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { azure } from "../../../hook/source/azure.ts";
import { defaultSetting } from "../../../hook/source/setting.ts";
import { readFixture, readWith, requestWith } from "../../support/webhooks.ts";

describe("Azure Container Registry's webhook", () => {
  test("of a push brings image, tag, digest, time and the event's id", () => {
    assert.deepEqual(readWith(azure, readFixture("azure", "push")), {
      kind: "triggers",
      triggers: [
        {
          image: "myregistry.azurecr.io/hello-world",
          tag: "v1",
          digest: "sha256:80f0d5c8786bb9e621a45ece0db56d11cdc624ad20da9fe62e9d25490f331d7d",
          pushedAtMs: Date.parse("2017-11-17T16:52:01.343Z"),
        },
      ],
      deliveryId: "cb8c3971-9adc-488b-bdd8-43cbb4974ff5",
    });
  });

  test("of a ping is answered with 200, which it must be", () => {
    const expected = { kind: "ignored", reason: "a ping", status: 200 };
    assert.deepEqual(readWith(azure, readFixture("azure", "ping")), expected);
  });

  for (const name of ["delete", "chart-push", "quarantine"]) {
    test(`like ${name} asks for nothing`, () => {
      assert.equal(readWith(azure, readFixture("azure", name)).kind, "ignored");
    });
  }

  test("is not recognised in what others send with an action", () => {
    const others = [
      { action: "published", package: {} },
      { action: "push", target: {} },
      { action: 1, id: 1, timestamp: 1, target: {} },
      { action: "push", id: "1", timestamp: "now", target: "web" },
    ];
    for (const body of others) assert.equal(azure.recognises(requestWith(body)), false);
  });

  test("is malformed without an action", () => {
    assert.equal(azure.read(requestWith({ id: "1" }), defaultSetting).kind, "malformed");
  });
});
