import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { dockerHub } from "../../../hook/source/docker-hub.ts";
import { defaultSetting } from "../../../hook/source/setting.ts";
import type { Reading } from "../../../hook/source/source.ts";
import { readFixture, readWith, requestWith } from "../../support/webhooks.ts";

function read(body: unknown): Reading {
  return dockerHub.read(requestWith(body), defaultSetting);
}

function readFile(name: string): Reading {
  return readWith(dockerHub, readFixture("docker-hub", name));
}

describe("Docker Hub's webhook", () => {
  test("brings repository, tag, time and who pushed", () => {
    assert.deepEqual(readFile("tag-push"), {
      kind: "triggers",
      triggers: [
        { image: "acme/web", tag: "release-20230103082900", pushedAtMs: 1700000000000, pusher: "ci" },
      ],
      callbackUrl: "https://registry.hub.docker.com/u/acme/web/hook/2141b5/",
    });
  });

  test("may have its times as floats and leave out images and media type", () => {
    assert.deepEqual(readFile("float-times"), {
      kind: "triggers",
      triggers: [
        {
          image: "svendowideit/testhook",
          tag: "latest",
          pushedAtMs: 1417566161000,
          pusher: "trustedbuilder",
        },
      ],
      callbackUrl:
        "https://registry.hub.docker.com/u/svendowideit/testhook/hook/2141b5bi5i5b02bec211i4eeih0242eg11000a/",
    });
  });

  test("may name the repository by its two halves", () => {
    const reading = read({ push_data: { tag: "v1" }, repository: { namespace: "acme", name: "web" } });
    assert.deepEqual(reading, { kind: "triggers", triggers: [{ image: "acme/web", tag: "v1" }] });
  });

  test("is ignored, not refused, when the push has no tag", () => {
    for (const tag of [undefined, null, ""]) {
      assert.equal(read({ push_data: { tag }, repository: { repo_name: "acme/web" } }).kind, "ignored");
    }
  });

  const malformed: [what: string, body: unknown][] = [
    ["push_data is a list", { push_data: [], repository: { repo_name: "acme/web" } }],
    ["repository is text", { push_data: { tag: "v1" }, repository: "acme/web" }],
    ["the repository has no name", { push_data: { tag: "v1" }, repository: {} }],
    ["the tag is a number", { push_data: { tag: 1 }, repository: { repo_name: "acme/web" } }],
    ["the tag is a command", { push_data: { tag: "$(reboot)" }, repository: { repo_name: "acme/web" } }],
    ["the tag is a path", { push_data: { tag: "../../etc" }, repository: { repo_name: "acme/web" } }],
    ["the tag is too long", { push_data: { tag: "a".repeat(129) }, repository: { repo_name: "acme/web" } }],
    ["the tag has a newline", { push_data: { tag: "v1\nv2" }, repository: { repo_name: "acme/web" } }],
  ];
  for (const [what, body] of malformed) {
    test(`is malformed when ${what}`, () => assert.equal(read(body).kind, "malformed"));
  }

  test("is not recognised in other senders' bodies", () => {
    for (const body of [{}, { push_data: {} }, { repository: "acme/web", updated_tags: ["v1"] }, [], null]) {
      assert.equal(dockerHub.recognises(requestWith(body)), false);
    }
  });
});
