import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { github } from "../../../hook/source/github.ts";
import { findSource } from "../../../hook/source/index.ts";
import { defaultSetting } from "../../../hook/source/setting.ts";
import { hashOf } from "../../../hook/source/signature.ts";
import type { Reading } from "../../../hook/source/source.ts";
import { readFixture, readWith, requestOf, requestWith } from "../../support/webhooks.ts";

const key = "It's a Secret to Everybody";
const digest = "sha256:3da1996a8115d7616457760d9920b815241d0a03b34cf5f04e9a0e9d8de37498";

function read(name: string): Reading {
  return readWith(github, readFixture("github", name));
}

interface PackageParts {
  action?: unknown;
  type?: unknown;
  ecosystem?: unknown;
  url?: unknown;
  tag?: unknown;
  name?: unknown;
  time?: string;
}

function readPackage({
  action = "published",
  type = "CONTAINER",
  ecosystem = "",
  ...rest
}: PackageParts): Reading {
  const { url = "ghcr.io/acme/web:v1", tag = { name: "v1" }, name = "web", time } = rest;
  const version = { package_url: url, container_metadata: { tag }, updated_at: time };
  const found = { namespace: "acme", name, package_type: type, ecosystem, package_version: version };
  return github.read(
    requestWith({ action, package: found }, { "x-github-event": "package" }),
    defaultSetting,
  );
}

function verify(message: string, signature: string | undefined, keys = [key]) {
  const headers = signature === undefined ? {} : { "x-hub-signature-256": signature };
  const request = { headers, query: {}, raw: Buffer.from(message) };
  return github.verify?.(request, { ...defaultSetting, signing: keys }, 0);
}

describe("GitHub's package event", () => {
  test("brings image in small letters, tag, digest and who pushed", () => {
    const fixture = readFixture("github", "registry-package-published");
    assert.deepEqual(readWith(github, fixture), {
      kind: "triggers",
      triggers: [
        {
          image: "ghcr.io/acme/web",
          tag: "v1.4.2",
          digest,
          pusher: "ci-bot",
        },
      ],
      deliveryId: hashOf(fixture.raw),
    });
  });

  test("is the same delivery when its body is, whatever its headers say", () => {
    const request = requestOf(readFixture("github", "registry-package-published"));
    const again = { ...request, headers: { ...request.headers, "x-github-delivery": "another" } };
    assert.deepEqual(github.read(request, defaultSetting), github.read(again, defaultSetting));
  });

  test("may come as a form, and with the action `updated`", () => {
    const reading = read("package-form");
    assert.ok(reading.kind === "triggers");
    assert.deepEqual(reading.triggers, [{ image: "ghcr.io/acme/web", tag: "v1.4.3", pusher: "ci-bot" }]);
  });

  test("brings the version's time where there is one", () => {
    const timeOf = (time: string) => {
      const reading = readPackage({ time });
      return reading.kind === "triggers" ? reading.triggers[0].pushedAtMs : reading.kind;
    };
    assert.equal(timeOf("2026-08-01T10:00:00Z"), Date.UTC(2026, 7, 1, 10));
    assert.equal(timeOf("0001-01-01T00:00:00Z"), undefined);
    assert.equal(timeOf("yesterday"), undefined);
  });

  test("without a tag is ignored", () => assert.equal(read("package-untagged").kind, "ignored"));
  test("of another kind of package is ignored", () => assert.equal(read("package-npm").kind, "ignored"));
  test("ping is answered 200", () => {
    assert.deepEqual(read("ping"), { kind: "ignored", reason: "a ping", status: 200 });
  });

  for (const type of ["CONTAINER", "container", "Container", "docker", "DOCKER"]) {
    test(`is of an image when its package_type or its ecosystem is ${type}`, () => {
      assert.equal(readPackage({ type }).kind, "triggers");
      assert.equal(readPackage({ type: "npm", ecosystem: type }).kind, "triggers");
    });
  }

  const urls: [url: unknown, image: string][] = [
    ["ghcr.io/Acme/Web:v1", "ghcr.io/acme/web"],
    ["ghcr.io/acme/web:", "ghcr.io/acme/web"],
    ["ghcr.io/acme/web", "ghcr.io/acme/web"],
    ["ghcr.io/acme/site/web:v1", "ghcr.io/acme/site/web"],
    [`ghcr.io/acme/web@${digest}`, "ghcr.io/acme/web"],
    ["containers.git.example:8443/acme/web:v1", "containers.git.example:8443/acme/web"],
    ["docker.pkg.github.com/acme/repo/web:v1", "docker.pkg.github.com/acme/repo/web"],
    [undefined, "ghcr.io/acme/web"],
    ["", "ghcr.io/acme/web"],
    [3, "ghcr.io/acme/web"],
  ];
  for (const [url, image] of urls) {
    test(`with the package_url ${url} is of ${image}`, () => {
      const reading = readPackage({ url: url ?? null });
      assert.ok(reading.kind === "triggers");
      assert.equal(reading.triggers[0].image, image);
    });
  }

  const others: [what: string, parts: PackageParts, kind: string][] = [
    ["a deleted package", { action: "deleted" }, "ignored"],
    ["no action", { action: undefined as unknown, type: "x" }, "ignored"],
    ["a package of npm", { type: "npm", ecosystem: "npm" }, "ignored"],
    ["an empty tag", { tag: { name: "" } }, "ignored"],
    ["no tag", { tag: null }, "ignored"],
    ["a tag that is a command", { tag: { name: "$(reboot)" } }, "malformed"],
    ["a tag that is a list", { tag: { name: ["v1"] } }, "malformed"],
    ["no name at all", { url: null, name: 3 }, "malformed"],
  ];
  for (const [what, parts, kind] of others) {
    test(`with ${what} is ${kind}`, () => assert.equal(readPackage(parts).kind, kind));
  }

  for (const body of [
    {},
    { action: "published" },
    { package: [] },
    { action: "published", package: { package_type: "container" } },
  ]) {
    test(`with the body ${JSON.stringify(body)} is malformed`, () => {
      const request = requestWith(body, { "x-github-event": "package" });
      assert.equal(github.read(request, defaultSetting).kind, "malformed");
    });
  }

  test("of another name is ignored: a webhook may be set to send everything", () => {
    assert.equal(github.read(requestWith({}, { "x-github-event": "push" }), defaultSetting).kind, "ignored");
  });

  test("is known by its header, before the body is parsed", () => {
    const request = {
      headers: { "x-github-event": "ping" },
      query: {},
      raw: Buffer.alloc(0),
      body: undefined,
    };
    assert.equal(findSource(request, defaultSetting), github);
  });
});

describe("GitHub's signature", () => {
  const good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

  test("has the vector of GitHub's documentation", () => {
    assert.equal(verify("Hello, World!", good), undefined);
  });

  test("may be made with either of two keys", () => {
    assert.equal(verify("Hello, World!", good, ["the new key, 0123456789", key]), undefined);
    assert.equal(verify("Hello, World!", good, [key, "the new key, 0123456789"]), undefined);
  });

  const wrong: [what: string, signature: string | undefined, message?: string][] = [
    ["none", undefined],
    ["an empty one", ""],
    ["one with nothing behind its name", "sha256="],
    ["one letter off", good.replace(/7$/, "8")],
    ["a cut one", good.slice(0, -2)],
    ["a longer one", `${good}00`],
    ["the old SHA-1 one", "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6"],
    ["one without its name", good.slice("sha256=".length)],
    ["one of another body", good, "Hello, World?"],
    ["one that is no hexadecimal", `sha256=${"g".repeat(64)}`],
  ];
  for (const [what, signature, message = "Hello, World!"] of wrong) {
    test(`is refused when there is ${what}, without repeating it`, () => {
      const problem = verify(message, signature);
      assert.equal(typeof problem, "string");
      if (signature) assert.ok(!String(problem).includes(signature));
    });
  }

  test("is of the form, not of the JSON in it", () => {
    for (const name of ["registry-package-published", "package-form"]) {
      const { headers, raw } = readFixture("github", name);
      assert.equal(verify(raw.toString(), headers["x-hub-signature-256"]), undefined, name);
    }
  });
});
