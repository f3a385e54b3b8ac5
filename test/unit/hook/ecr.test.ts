import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ecr } from "../../../hook/source/ecr.ts";
import { defaultSetting } from "../../../hook/source/setting.ts";
import { readFixture, readWith, requestOf, requestWith } from "../../support/webhooks.ts";

describe("an event of ECR", () => {
  test("of a push brings the image by account and region, and the event's id", () => {
    assert.deepEqual(readWith(ecr, readFixture("ecr", "push")), {
      kind: "triggers",
      triggers: [
        {
          image: "123456789012.dkr.ecr.us-west-2.amazonaws.com/my-repository-name",
          tag: "v1.4.2",
          digest: "sha256:7f5b2640fe6fb4f46592dfd3410c4a79dac4f89e4782432e0378abcd12345678",
          pushedAtMs: Date.parse("2019-11-16T01:54:34Z"),
        },
      ],
      deliveryId: "13cde686-328b-6117-af20-0e5566167482",
    });
  });

  test("of a region in China has that partition's domain", () => {
    const reading = readWith(ecr, readFixture("ecr", "push-china"));
    assert.ok(reading.kind === "triggers");
    assert.equal(reading.triggers[0].image, "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/web");
  });

  for (const name of ["push-untagged", "delete", "scan", "pull-through-cache"]) {
    test(`like ${name} asks for nothing`, () => {
      assert.equal(readWith(ecr, readFixture("ecr", name)).kind, "ignored");
    });
  }

  const { body } = requestOf(readFixture("ecr", "push"));
  const event = body as { detail: object };
  const kindOf = (changes: object, detail: object = {}) =>
    ecr.read(requestWith({ ...event, ...changes, detail: { ...event.detail, ...detail } }), defaultSetting)
      .kind;

  test("of a push that failed asks for nothing", () => {
    assert.equal(kindOf({}, { result: "FAILURE" }), "ignored");
  });

  test("of another service of EventBridge asks for nothing", () => {
    assert.equal(kindOf({ source: "aws.s3" }), "ignored");
    assert.equal(kindOf({ source: "mine.ecr" }), "ignored");
  });

  const malformed: [what: string, changes: object, detail?: object][] = [
    ["the account is a host", { account: "evil.example/" }],
    ["the account is a number", { account: 123456789012 }],
    ["the region is a host", { region: "evil.example/#" }],
    ["the region is missing", { region: undefined }],
    ["the repository is missing", {}, { "repository-name": undefined }],
    ["the tag is a number", {}, { "image-tag": 1 }],
    ["the tag is a command", {}, { "image-tag": "v1;reboot" }],
  ];
  for (const [what, changes, detail] of malformed) {
    test(`is malformed when ${what}`, () => assert.equal(kindOf(changes, detail), "malformed"));
  }
});
