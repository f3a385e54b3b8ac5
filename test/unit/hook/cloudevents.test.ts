import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http";
import { describe, test } from "node:test";
import { cloudEvents } from "../../../hook/source/cloudevents.ts";
import { defaultSetting } from "../../../hook/source/setting.ts";
import type { Reading } from "../../../hook/source/source.ts";
import { readFixture, readWith, requestOf, requestWith } from "../../support/webhooks.ts";

const structured = { "content-type": "application/cloudevents+json" };
const attributes = { specversion: "1.0", id: "one", source: "/ci", type: "example.pushed" };
const headers = { "ce-specversion": "1.0", "ce-id": "one", "ce-source": "/ci", "ce-type": "example.pushed" };

function readFile(name: string): Reading {
  return readWith(cloudEvents, readFixture("cloudevents", name));
}

function readStructured(event: unknown): Reading {
  return cloudEvents.read(requestWith(event, structured), defaultSetting);
}

function readBinary(body: unknown, more: IncomingHttpHeaders = {}): Reading {
  return cloudEvents.read(requestWith(body, { ...headers, ...more }), defaultSetting);
}

describe("a CloudEvent", () => {
  test("with the hook's own data brings image, tag, digest and time, and is named by source and id", () => {
    assert.deepEqual(readFile("structured"), {
      kind: "triggers",
      triggers: [
        {
          image: "reg.example/acme/web",
          tag: "v1.4.2",
          digest: `sha256:${"4a".repeat(32)}`,
          pushedAtMs: Date.parse("2026-08-01T10:00:00Z"),
        },
      ],
      deliveryId: "https://ci.example/acme/web,build-4711",
    });
  });

  test("may have its data in base64", () => {
    const reading = readFile("structured-base64");
    assert.ok(reading.kind === "triggers");
    assert.deepEqual(reading.triggers, [{ tag: "v1.4.2" }]);
  });

  test("may have its attributes in headers, percent-encoded", () => {
    const reading = readFile("binary");
    assert.ok(reading.kind === "triggers");
    assert.deepEqual(reading.triggers, [
      { image: "reg.example/acme/web", tag: "v1.4.2", pushedAtMs: Date.parse("2026-08-01T10:00:00Z") },
    ]);
    // The id has a space in it, which no name of a delivery has.
    assert.match(reading.deliveryId ?? "", /^[0-9a-f]{64}$/);
  });

  test("of Harbor brings what Harbor's own form does", () => {
    const reading = readFile("harbor-push");
    assert.ok(reading.kind === "triggers");
    const [{ image, tag, pusher }] = reading.triggers;
    assert.deepEqual([image, tag, pusher], ["harbor.dev/library/web", "v1.4.2", "robot$library+ci"]);
  });

  test("of Azure's Event Grid brings what its registry pushed", () => {
    const reading = readFile("event-grid-push");
    assert.ok(reading.kind === "triggers");
    const [{ image, tag, digest }] = reading.triggers;
    assert.deepEqual([image, tag], ["demo.azurecr.io/aci-helloworld", "v1"]);
    assert.match(digest ?? "", /^sha256:213bbc/);
  });

  test("of Google's Eventarc brings what the message in it says", () => {
    const { body } = requestOf(readFixture("google-artifact-registry", "new-tag"));
    const type = "google.cloud.pubsub.topic.v1.messagePublished";
    for (const reading of [
      readBinary(body, { "ce-type": type }),
      readStructured({ ...attributes, type, data: body }),
    ]) {
      assert.ok(reading.kind === "triggers");
      assert.equal(reading.triggers[0].image, "us-east1-docker.pkg.dev/my-project/my-repo/hello-world");
    }
  });

  for (const name of ["harbor-pull", "unknown-type"]) {
    test(`like ${name} asks for nothing`, () => assert.equal(readFile(name).kind, "ignored"));
  }

  test("with a type that an object has by itself is none that the hook knows", () => {
    for (const type of ["constructor", "__proto__", "toString"])
      assert.equal(readStructured({ ...attributes, type, data: {} }).kind, "ignored");
  });

  const data = { tag: "v1" };
  const malformed: [what: string, reading: () => Reading][] = [
    ["its version is another", () => readStructured({ ...attributes, specversion: "0.3", data })],
    ["its version is a number", () => readStructured({ ...attributes, specversion: 1, data })],
    ...["id", "source", "type"].flatMap((name): [string, () => Reading][] => [
      [`its ${name} is missing`, () => readStructured({ ...attributes, [name]: undefined, data })],
      [`its ${name} is empty`, () => readStructured({ ...attributes, [name]: "", data })],
    ]),
    ["its base64 is no JSON", () => readStructured({ ...attributes, data_base64: "e30x" })],
    ["its base64 is a number", () => readStructured({ ...attributes, data_base64: 5 })],
    ["its body is a list", () => readStructured([])],
    ["a header is cut in a letter", () => readBinary(data, { "ce-id": "%E2%82" })],
    ["a header has an overlong encoding", () => readBinary(data, { "ce-id": "%C0%A0" })],
    ["its tag is a command", () => readBinary({ tag: "v1 && reboot" })],
    ["its tag is null", () => readBinary({ tag: null })],
    ["its image is a list", () => readBinary({ tag: "v1", image: [] })],
    ["its digest is another text", () => readBinary({ tag: "v1", digest: "latest" })],
  ];
  for (const [what, reading] of malformed) {
    test(`is malformed when ${what}`, () => assert.equal(reading().kind, "malformed"));
  }

  test("may have its headers in quotes, as senders of older versions have", () => {
    const reading = readBinary(data, { "ce-id": '"a \\"b\\""' });
    const encoded = readBinary(data, { "ce-id": "a%20%22b%22" });
    assert.ok(reading.kind === "triggers" && encoded.kind === "triggers");
    assert.equal(reading.deliveryId, encoded.deliveryId);
  });

  test("is known by its content type in any case, or by all four headers", () => {
    const known = ["application/cloudevents+json", "Application/CloudEvents+JSON; charset=utf-8"];
    for (const type of known) assert.ok(cloudEvents.recognises(requestWith({}, { "content-type": type })));
    assert.ok(cloudEvents.recognises(requestWith({}, headers)));
    assert.ok(!cloudEvents.recognises(requestWith({}, { ...headers, "ce-type": undefined })));
    const batch = { "content-type": "application/cloudevents-batch+json" };
    assert.ok(!cloudEvents.recognises(requestWith({}, batch)));
  });

  const setting = { signing: ["key-0123456789abcdef"] };
  const verify = (request: { headers?: IncomingHttpHeaders; query?: Record<string, unknown> }) =>
    cloudEvents.verify?.({ headers: {}, query: {}, raw: Buffer.alloc(0), ...request }, setting, 0);

  test("proves itself by a bearer token, or by the query's access_token", () => {
    assert.equal(verify({ headers: { authorization: "Bearer key-0123456789abcdef" } }), undefined);
    assert.equal(verify({ query: { access_token: "key-0123456789abcdef" } }), undefined);
    const wrong = [
      {},
      { headers: { authorization: "Bearer key" } },
      { query: { access_token: "" } },
      { query: { access_token: ["key-0123456789abcdef"] } },
    ];
    for (const request of wrong) assert.equal(typeof verify(request), "string", JSON.stringify(request));
  });
});
