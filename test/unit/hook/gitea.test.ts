import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gitea } from "../../../hook/source/gitea.ts";
import { findSource, findVerifier } from "../../../hook/source/index.ts";
import { defaultSetting } from "../../../hook/source/setting.ts";
import { hashOf } from "../../../hook/source/signature.ts";
import type { Reading } from "../../../hook/source/source.ts";
import { listFixtures, readFixture, readWith, requestOf, requestWith } from "../../support/webhooks.ts";

const key = "gitea-key-0123456789";
const signed = { ...defaultSetting, signing: [key] };

function readPackage(changes: object, action = "created", event = "package"): Reading {
  const found = {
    owner: { login: "acme" },
    type: "container",
    name: "web",
    version: "v1",
    html_url: "https://git.example/acme/-/packages/container/web/v1",
    ...changes,
  };
  return gitea.read(requestWith({ action, package: found }, { "x-gitea-event": event }), defaultSetting);
}

describe("Gitea's package event", () => {
  test("brings the image on Gitea's own host, tag, time and who pushed", () => {
    const fixture = readFixture("gitea", "package-created");
    assert.deepEqual(readWith(gitea, fixture), {
      kind: "triggers",
      triggers: [
        {
          image: "git.example:3000/acme/web",
          tag: "v1.4.2",
          pushedAtMs: Date.UTC(2026, 7, 1, 10),
          pusher: "ci",
        },
      ],
      deliveryId: hashOf(fixture.raw),
    });
  });

  test("of Forgejo may be a form, and an image's name may have several parts", () => {
    const reading = readWith(gitea, readFixture("gitea", "forgejo-form"));
    assert.ok(reading.kind === "triggers");
    assert.equal(reading.triggers[0].image, "codeberg.org/acme/site/web");
  });

  test("for a manifest without a tag is ignored", () => {
    assert.equal(readWith(gitea, readFixture("gitea", "package-untagged")).kind, "ignored");
  });

  test("is Gitea's though it has GitHub's headers beside its own", () => {
    for (const name of listFixtures("gitea")) {
      const request = requestOf(readFixture("gitea", name));
      assert.equal(findSource(request, defaultSetting), gitea, name);
      assert.equal(findVerifier(request, signed), gitea, name);
    }
  });

  const others: [what: string, reading: Reading, kind: string][] = [
    ["a deleted tag", readPackage({}, "deleted"), "ignored"],
    ["a package of npm", readPackage({ type: "npm" }), "ignored"],
    ["another event", readPackage({}, "created", "push"), "ignored"],
    ["a version that is no tag", readPackage({ version: "v1 && reboot" }), "malformed"],
    ["no page", readPackage({ html_url: undefined }), "malformed"],
    ["a page that is no URL", readPackage({ html_url: "acme/web" }), "malformed"],
    ["no owner", readPackage({ owner: null }), "malformed"],
  ];
  for (const [what, reading, kind] of others) {
    test(`with ${what} is ${kind}`, () => assert.equal(reading.kind, kind));
  }

  test("without a package is malformed", () => {
    const request = requestWith({ action: "created" }, { "x-gitea-event": "package" });
    assert.equal(gitea.read(request, defaultSetting).kind, "malformed");
  });
});

describe("Gitea's signature", () => {
  test("is bare hexadecimal, of the JSON also when that comes as a form", () => {
    for (const name of ["package-created", "forgejo-form"]) {
      assert.equal(gitea.verify?.(requestOf(readFixture("gitea", name)), signed, 0), undefined, name);
    }
  });

  test("is refused when it is empty, as it is without a secret at Gitea", () => {
    const problem = gitea.verify?.(requestOf(readFixture("gitea", "package-untagged")), signed, 0);
    assert.match(String(problem), /empty/);
  });

  test("is refused when it is missing, of another body, or in GitHub's form", () => {
    const { headers, ...request } = requestOf(readFixture("gitea", "package-created"));
    const { "x-gitea-signature": signature, ...rest } = headers;
    const changed = [
      { ...request, headers: rest },
      { ...request, headers, raw: Buffer.concat([request.raw, Buffer.from(" ")]) },
      { ...request, headers: { ...rest, "x-gitea-signature": `sha256=${signature}` } },
    ];
    for (const one of changed) assert.equal(typeof gitea.verify?.(one, signed, 0), "string");
  });
});
