import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { quay } from "../../../hook/source/quay.ts";
import { defaultSetting } from "../../../hook/source/setting.ts";
import { readFixture, readWith, requestWith } from "../../support/webhooks.ts";

describe("Quay's notification", () => {
  test("of a push brings the image with its host, and the tag", () => {
    assert.deepEqual(readWith(quay, readFixture("quay", "push")), {
      kind: "triggers",
      triggers: [{ image: "quay.io/acme/web", tag: "v1.4.2" }],
    });
  });

  test("of several tags brings each", () => {
    const reading = readWith(quay, readFixture("quay", "push-several"));
    assert.ok(reading.kind === "triggers");
    assert.deepEqual(
      reading.triggers.map(({ tag }) => tag),
      ["latest", "foo"],
    );
  });

  for (const name of ["build-success", "vulnerability-found"]) {
    test(`like ${name} asks for nothing`, () => {
      assert.equal(readWith(quay, readFixture("quay", name)).kind, "ignored");
    });
  }

  const image = "quay.io/acme/web";
  const cases: [what: string, body: object, kind: string][] = [
    ["is ignored when it lists no tag", { docker_url: image, updated_tags: [] }, "ignored"],
    ["is malformed when its tags are a text", { docker_url: image, updated_tags: "v1" }, "malformed"],
    [
      "is malformed when its tags are an object",
      { docker_url: image, updated_tags: { v1: "4a" } },
      "malformed",
    ],
    [
      "is malformed when one tag is a command",
      { docker_url: image, updated_tags: ["v1", "`id`"] },
      "malformed",
    ],
    ["is malformed when it names no image", { updated_tags: ["v1"] }, "malformed"],
  ];
  for (const [what, body, kind] of cases) {
    test(what, () => assert.equal(quay.read(requestWith(body), defaultSetting).kind, kind));
  }
});
