import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { harbor } from "../../../hook/source/harbor.ts";
import { defaultSetting } from "../../../hook/source/setting.ts";
import type { Reading } from "../../../hook/source/source.ts";
import { readFixture, readWith, requestOf, requestWith } from "../../support/webhooks.ts";

const digest = "sha256:dde8e930c7b6a490f728e66292bc9bce42efc9bbb5278bae40e4f30f6e00fe8c";

function readFile(name: string, source = "harbor"): Reading {
  return readWith(harbor, readFixture(source, name));
}

function read(eventData: unknown): Reading {
  const event = { type: "PUSH_ARTIFACT", occur_at: 1678082303, operator: "admin", event_data: eventData };
  return harbor.read(requestWith(event), defaultSetting);
}

describe("Harbor's webhook", () => {
  test("of a push brings image with host, tag, digest, time and who pushed", () => {
    const pushed = { digest, pushedAtMs: 1678082303000, pusher: "robot$library+ci" };
    assert.deepEqual(readFile("push"), {
      kind: "triggers",
      triggers: [{ image: "harbor.dev/library/web", tag: "v1.4.2", ...pushed }],
    });
  });

  test("of several resources brings those with a tag, and leaves a host's port where it is", () => {
    const reading = readFile("push-several");
    assert.ok(reading.kind === "triggers");
    assert.deepEqual(
      reading.triggers.map(({ image, tag }) => [image, tag]),
      [
        ["harbor.dev:8443/library/web", "v1.4.2"],
        ["harbor.dev:8443/library/web", "v1.4"],
      ],
    );
  });

  for (const name of ["push-untagged", "pull", "delete", "scan-completed"]) {
    test(`like ${name} asks for nothing`, () => assert.equal(readFile(name).kind, "ignored"));
  }

  test("may be in its CloudEvents form where the config fixes Harbor as the sender", () => {
    const reading = readFile("harbor-push", "cloudevents");
    assert.deepEqual(reading, {
      kind: "triggers",
      triggers: [
        {
          image: "harbor.dev/library/web",
          tag: "v1.4.2",
          digest,
          pushedAtMs: Date.parse("2023-03-06T06:08:43Z"),
          pusher: "robot$library+ci",
        },
      ],
      deliveryId: "/projects/1/webhook/policies/3,4b2f89a6-548d-4c12-9993-a1f5790b97d2",
    });
    assert.equal(readFile("harbor-pull", "cloudevents").kind, "ignored");
    assert.equal(readFile("unknown-type", "cloudevents").kind, "ignored");
  });

  const url = "harbor.dev/library/web:v1";
  const malformed: [what: string, eventData: unknown][] = [
    ["its data is a text", "data"],
    ["it has no resources", {}],
    ["its resources are no list", { resources: { tag: "v1", resource_url: url } }],
    ["a resource is a text", { resources: ["web"] }],
    ["the tag is a number", { resources: [{ tag: 1, resource_url: url }] }],
    ["the tag is a command", { resources: [{ tag: "$(reboot)", resource_url: url }] }],
    [
      "one tag of two is a path",
      {
        resources: [
          { tag: "v1", resource_url: url },
          { tag: "../x", resource_url: url },
        ],
      },
    ],
    ["the URL is missing", { resources: [{ tag: "v1" }] }],
    ["the URL is an object", { resources: [{ tag: "v1", resource_url: {} }] }],
  ];
  for (const [what, eventData] of malformed) {
    test(`is malformed when ${what}`, () => assert.equal(read(eventData).kind, "malformed"));
  }

  test("without resources in the list asks for nothing", () => {
    assert.equal(read({ resources: [] }).kind, "ignored");
  });

  test("leaves out a digest, a time and a name that are not sound", () => {
    const event_data = { resources: [{ tag: "v1", digest: "sha256:short", resource_url: url }] };
    const body = { type: "PUSH_ARTIFACT", occur_at: "soon", operator: 5, event_data };
    const expected = { kind: "triggers", triggers: [{ image: "harbor.dev/library/web", tag: "v1" }] };
    assert.deepEqual(harbor.read(requestWith(body), defaultSetting), expected);
  });

  test("is not recognised in its CloudEvents form, which is a CloudEvent like any other", () => {
    assert.equal(harbor.recognises(requestOf(readFixture("cloudevents", "harbor-push"))), false);
  });
});
