import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findSource } from "../../../hook/source/index.ts";
import { plain } from "../../../hook/source/plain.ts";
import { defaultSetting } from "../../../hook/source/setting.ts";
import { readFixture, readWith, requestOf, requestWith } from "../../support/webhooks.ts";

const digest = `sha256:${"ab".repeat(32)}`;

function read(body: unknown, query = {}, headers = {}) {
  return plain.read(requestWith(body, headers, query), defaultSetting);
}

describe("a plain webhook", () => {
  for (const name of ["json", "query", "form"]) {
    test(`may be written as in ${name}.http`, () => {
      const fixture = readFixture("plain", name);
      assert.equal(findSource(requestOf(fixture), defaultSetting), plain);
      const reading = readWith(plain, fixture);
      assert.ok(reading.kind === "triggers");
      assert.equal(reading.triggers[0].tag, "v1.4.2");
    });
  }

  test("may name image, digest and who pushed, and its delivery in Idempotency-Key", () => {
    const fields = { tag: "v1", image: "acme/web", digest, pusher: "pipeline 7" };
    const headers = { "idempotency-key": "7-1" };
    assert.deepEqual(read(fields, {}, headers), { kind: "triggers", triggers: [fields], deliveryId: "7-1" });
    assert.deepEqual(read({}, fields), { kind: "triggers", triggers: [fields] });
    assert.deepEqual(read({ tag: "v1" }, { image: "acme/web" }), {
      kind: "triggers",
      triggers: [{ tag: "v1", image: "acme/web" }],
    });
  });

  const others: [what: string, body: unknown, query: object, kind: string][] = [
    ["a tag that is a number", { tag: 1 }, {}, "malformed"],
    ["a tag that is a path", { tag: "../etc" }, {}, "malformed"],
    ["two tags in the query", {}, { tag: ["v1", "v2"] }, "malformed"],
    ["one tag in the query and another in the body", { tag: "v1" }, { tag: "v2" }, "malformed"],
    ["an image that is no text", { tag: "v1", image: {} }, {}, "malformed"],
    ["a digest that is none", { tag: "v1", digest: "sha256:12" }, {}, "malformed"],
  ];
  for (const [what, body, query, kind] of others) {
    test(`with ${what} is ${kind}`, () => assert.equal(read(body, query).kind, kind));
  }

  const explained: [what: string, body: unknown, query: object, problem: RegExp][] = [
    ["an empty tag in the query", {}, { tag: "" }, /^`tag` is empty/],
    ["an empty tag in the body", { tag: "" }, {}, /^`tag` is empty/],
    ["a tag of null", { tag: null }, {}, /^`tag` is empty/],
    ["no tag at all, to a service that takes nothing else", { image: "a/b" }, {}, /^`tag` is missing$/],
    [
      "the tag in the image as well",
      { tag: "v1", image: "a/b:v1" },
      {},
      /the colon of `image` belongs into `tag`$/,
    ],
    [
      "the digest in the image",
      { tag: "v1", image: `a/b@${digest}` },
      {},
      /the @ of `image` belongs into `digest`$/,
    ],
  ];
  for (const [what, body, query, problem] of explained) {
    test(`with ${what} is refused, with what to change`, () => {
      const reading = read(body, query);
      assert.match(reading.kind === "malformed" ? reading.problem : reading.kind, problem);
    });
  }

  test("may name a registry with its port", () =>
    assert.equal(read({ tag: "v1", image: "registry:5000/a/b" }).kind, "triggers"));

  test("is nothing without a tag: an empty body with an empty query is no webhook", () => {
    for (const body of [{}, { image: "acme/web" }, [], null, undefined]) {
      assert.equal(plain.recognises(requestWith(body)), false);
    }
  });

  test("is not known by a tag in the query when its body has another sender's form", () => {
    const body = { push_data: { tag: "v1" }, repository: { repo_name: "acme/web" } };
    assert.equal(findSource(requestWith(body, {}, { tag: "v2" }), defaultSetting)?.name, "docker-hub");
    assert.equal(plain.recognises(requestWith({ other: 1 }, {}, { tag: "v2" })), false);
  });
});
