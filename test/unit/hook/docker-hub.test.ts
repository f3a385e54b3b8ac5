import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { dockerHub } from "../../../hook/source/docker-hub.ts";
import type { Reading } from "../../../hook/source/source.ts";

const fixtures = new URL("../../fixtures/webhooks/docker-hub/", import.meta.url);

function read(body: unknown): Reading {
  const raw = Buffer.from(JSON.stringify(body));
  return dockerHub.read({ headers: {}, query: {}, raw, body });
}

function readFixture(name: string): Reading {
  return read(JSON.parse(readFileSync(new URL(name, fixtures), "utf8")));
}

describe("Docker Hub's webhook", () => {
  test("brings repository, tag and time", () => {
    assert.deepEqual(readFixture("tag-push.json"), {
      kind: "triggers",
      triggers: [{ image: "acme/web", tag: "release-20230103082900", pushedAtMs: 1700000000000 }],
    });
  });

  test("may have its times as floats and leave out images and media type", () => {
    assert.deepEqual(readFixture("float-times.json"), {
      kind: "triggers",
      triggers: [{ image: "svendowideit/testhook", tag: "latest", pushedAtMs: 1417566161000 }],
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
      assert.equal(dockerHub.recognises({ headers: {}, query: {}, raw: Buffer.alloc(0), body }), false);
    }
  });
});
