import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { distribution } from "../../../hook/source/distribution.ts";
import { defaultSetting } from "../../../hook/source/setting.ts";
import type { Reading } from "../../../hook/source/source.ts";
import { listFixtures, readFixture, readWith, requestWith } from "../../support/webhooks.ts";

function readFile(name: string): Reading {
  return readWith(distribution, readFixture("distribution", name));
}

function read(body: unknown): Reading {
  return distribution.read(requestWith(body), defaultSetting);
}

/** A push as the registry describes it, with changes. */
function push(changes: { target?: object; event?: object } = {}) {
  const target = {
    mediaType: "application/vnd.oci.image.index.v1+json",
    digest: `sha256:${"4a".repeat(32)}`,
    repository: "acme/web",
    url: "https://inside:5000/v2/acme/web/manifests/sha256:4a",
    tag: "v1",
    ...changes.target,
  };
  return { id: "one", action: "push", target, request: { host: "reg.example" }, ...changes.event };
}

describe("distribution's notification", () => {
  test("of an index brings its tag, digest and time, by the host that was pushed to", () => {
    assert.deepEqual(readFile("index"), {
      kind: "triggers",
      triggers: [
        {
          image: "127.0.0.1:42897/acme/web",
          tag: "v1.4.2",
          digest: "sha256:eb52c05148fc5b7cf75a4eb6040dfab2f5fb32398a58b6761530e5f1571219d0",
          pushedAtMs: Date.parse("2026-11-21T05:49:54.885Z"),
        },
      ],
      deliveryId: "cddb0f52-5213-4842-92f8-31ae06ef0a6e",
    });
  });

  test("of another tag on a known manifest brings that tag", () => {
    const reading = readFile("second-tag");
    assert.ok(reading.kind === "triggers");
    assert.equal(reading.triggers[0].tag, "v1.4.4");
  });

  const ignoredOnes: [fixture: string, reason: RegExp][] = [
    ["blob", /not an image/],
    ["child-manifest", /no tag/],
    ["pull", /not a push/],
    ["delete-manifest", /not a push/],
    ["delete-tag", /not a push/],
    ["empty", /no events/],
  ];
  for (const [fixture, reason] of ignoredOnes) {
    test(`like ${fixture} is thanked for and asks for nothing`, () => {
      const reading = readFile(fixture);
      assert.ok(reading.kind === "ignored");
      assert.match(reading.reason, reason);
    });
  }

  test("with several events brings the image pushes among them, each once", () => {
    const reading = readFile("several-events");
    assert.ok(reading.kind === "triggers");
    assert.deepEqual(
      reading.triggers.map(({ image, tag, pusher }) => [image, tag, pusher]),
      [
        ["reg.example/acme/web", "v1.4.2", "ci"],
        ["reg.example/acme/api", "v2.0.0", "ci"],
      ],
    );
    assert.match(reading.deliveryId ?? "", /0002,.*0003$/);
    const twice = read({ events: [push(), push({ event: { id: "two" } })] });
    assert.ok(twice.kind === "triggers");
    assert.equal(twice.triggers.length, 1);
  });

  test("is never refused for what is odd in an event: the registry would send it for ever", () => {
    const odd: unknown[] = [
      null,
      "event",
      {},
      { action: "push" },
      push({ target: { tag: "$(reboot)" } }),
      push({ target: { tag: 1 } }),
      push({ target: { tag: ["v1"] } }),
      push({ target: { mediaType: undefined } }),
      push({ target: { mediaType: "application/vnd.cncf.helm.config.v1+json" } }),
      push({ target: { repository: 5 } }),
      push({ target: { url: undefined }, event: { request: {} } }),
      push({ target: { url: "no URL" }, event: { request: undefined } }),
    ];
    for (const event of odd) assert.equal(read({ events: [event] }).kind, "ignored", JSON.stringify(event));
    const among = read({ events: [...odd, push()] });
    assert.ok(among.kind === "triggers");
    assert.equal(among.triggers.length, 1);
  });

  test("names its image by the host that was asked for, which its URL may not have", () => {
    const reading = read({ events: [push()] });
    assert.ok(reading.kind === "triggers");
    assert.equal(reading.triggers[0].image, "reg.example/acme/web");
  });

  test("names its image by its URL when the request's host is missing", () => {
    const reading = read({ events: [push({ event: { request: {} } })] });
    assert.ok(reading.kind === "triggers");
    assert.equal(reading.triggers[0].image, "inside:5000/acme/web");
  });

  test("has no delivery id when one of its pushes has none", () => {
    const reading = read({ events: [push(), push({ target: { tag: "v2" }, event: { id: undefined } })] });
    assert.ok(reading.kind === "triggers");
    assert.equal(reading.deliveryId, undefined);
  });

  test("with more images than any registry sends is refused", () => {
    const events = Array.from({ length: 101 }, (_, index) => push({ target: { tag: `v${index}` } }));
    assert.equal(read({ events }).kind, "malformed");
    assert.equal(read({ events: events.slice(1) }).kind, "triggers");
  });

  test("is malformed when its events are no list", () => {
    for (const events of [{}, "events", 1, null]) assert.equal(read({ events }).kind, "malformed");
  });

  test("is known by either version of its media type, or by its events", () => {
    const known = listFixtures("distribution").map(
      (name) => readFixture("distribution", name).headers["content-type"],
    );
    assert.deepEqual([...new Set(known)].toSorted(), [
      "application/vnd.docker.distribution.events.v1+json",
      "application/vnd.docker.distribution.events.v2+json",
    ]);
    assert.ok(distribution.recognises(requestWith({ events: [push()] })));
    for (const body of [{}, { events: [] }, { events: [{}] }, { events: {} }, null])
      assert.ok(!distribution.recognises(requestWith(body)), JSON.stringify(body));
  });
});
