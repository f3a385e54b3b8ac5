import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gitlab } from "../../../hook/source/gitlab.ts";
import { defaultGitlabSetting, type GitlabSetting } from "../../../hook/source/gitlab-setting.ts";
import { findSource, findVerifier } from "../../../hook/source/index.ts";
import { plain } from "../../../hook/source/plain.ts";
import { defaultSetting } from "../../../hook/source/setting.ts";
import type { Reading } from "../../../hook/source/source.ts";
import { listFixtures, readFixture, readWith, requestOf, requestWith } from "../../support/webhooks.ts";

function settingOf(changes: Partial<GitlabSetting>) {
  return { ...defaultSetting, gitlab: { ...defaultGitlabSetting, ...changes } };
}

function read(name: string, changes: Partial<GitlabSetting> = {}): Reading {
  return readWith(gitlab, readFixture("gitlab", name), settingOf(changes));
}

function readPipeline(pipeline: object, changes: Partial<GitlabSetting> = {}, more: object = {}): Reading {
  const attributes = {
    ref: "v1",
    tag: true,
    sha: "a".repeat(40),
    status: "success",
    source: "push",
    ...pipeline,
  };
  const body = {
    object_kind: "pipeline",
    object_attributes: attributes,
    project: { path_with_namespace: "acme/web" },
    ...more,
  };
  return gitlab.read(requestWith(body, { "x-gitlab-event": "Pipeline Hook" }), settingOf(changes));
}

function tagOf(reading: Reading): string {
  return reading.kind === "triggers" ? reading.triggers[0].tag : reading.kind;
}

describe("GitLab's events", () => {
  test("are those of a succeeded pipeline of a git tag, without a word in the config", () => {
    assert.deepEqual(read("pipeline-tag"), {
      kind: "triggers",
      triggers: [{ tag: "v1.4.2", pushedAtMs: Date.UTC(2026, 7, 12, 15, 23, 28), pusher: "root" }],
      deliveryId: "f5e5f430-f57b-4e6e-9fac-d9128cd7232f",
    });
  });

  const events: [name: string, setting: Partial<GitlabSetting>, tag: string][] = [
    ["pipeline-tag", { on: ["pipeline"], imageTag: "short-sha" }, "bcbb5ec3"],
    ["pipeline-tag", { on: ["pipeline"], imageTag: "sha" }, "bcbb5ec396a2c0f828686f14fac9b80b780504f2"],
    ["pipeline-tag", { on: ["pipeline"], imageTag: "ref-slug" }, "v1-4-2"],
    ["job", { on: ["job"], job: "build-image", imageTag: "short-sha", branches: /^main$/ }, "2293ada6"],
    ["deployment", { on: ["deployment"], environment: "staging", imageTag: "short-sha" }, "279484c0"],
    [
      "deployment",
      { on: ["deployment"], environment: "staging", imageTag: "sha" },
      "279484c09fbe69ededfced8c1bb6e6d24616b468",
    ],
    ["release", { on: ["release"] }, "v1.1"],
    ["release", { on: ["release"], imageTag: "short-sha" }, "ee0a3fb3"],
    ["tag-push", { on: ["tag"] }, "v1.0.0"],
    ["tag-push", { on: ["pipeline", "tag"], imageTag: "short-sha" }, "82b3d5ae"],
  ];
  for (const [name, setting, tag] of events) {
    test(`deploy ${tag} for ${name}.http with ${JSON.stringify(setting)}`, () => {
      assert.equal(tagOf(read(name, setting)), tag);
    });
  }

  test("are ignored when `on` does not name them, and say so", () => {
    for (const name of ["job", "deployment", "release", "tag-push"]) {
      const reading = read(name);
      assert.ok(reading.kind === "ignored");
      assert.match(reading.reason, /webhook\.gitlab\.on/);
    }
  });

  const ignored: [what: string, reading: Reading][] = [
    ["a pipeline that failed", readPipeline({ status: "failed" })],
    ["a pipeline that runs", readPipeline({ status: "running" })],
    ["a pipeline of a merge request", read("pipeline-merge-request", { branches: /./ })],
    ["a pipeline for a merge request", readPipeline({}, {}, { merge_request: { id: 1 } })],
    ["a pipeline within another", readPipeline({ source: "parent_pipeline" })],
    ["a branch, without `branches`", readPipeline({ ref: "main", tag: false })],
    ["another branch", readPipeline({ ref: "feature", tag: false }, { branches: /^main$/ })],
    ["a branch whose name is no tag", readPipeline({ ref: "feature/x", tag: false }, { branches: /./ })],
    ["another project", readPipeline({}, { project: "acme/other" })],
    ["a ref that is no text", readPipeline({ ref: ["v1"] })],
    ["a ref that is a command", readPipeline({ ref: "v1;reboot" })],
    ["a commit that is none", readPipeline({ sha: "../../etc" }, { imageTag: "short-sha" })],
    ["another job", read("job", { on: ["job"], job: "test", branches: /./ })],
    ["another environment", read("deployment", { on: ["deployment"], environment: "production" })],
    ["no ref for `imageTag: ref`", read("deployment", { on: ["deployment"], environment: "staging" })],
  ];
  for (const [what, reading] of ignored) {
    test(`are ignored for ${what}: GitLab switches a webhook off that answers with errors`, () => {
      assert.equal(reading.kind, "ignored");
    });
  }

  test("deploy branches when `branches` names them, by the tag that GitLab's variables would give", () => {
    const branch = { ref: "Feature/New_Site--", tag: false, sha: "b".repeat(40) };
    assert.equal(
      tagOf(readPipeline(branch, { branches: /^Feature\//, imageTag: "ref-slug" })),
      "feature-new-site",
    );
    assert.equal(tagOf(readPipeline(branch, { branches: /^Feature\//, imageTag: "short-sha" })), "bbbbbbbb");
    const long = { ...branch, ref: "x".repeat(100) };
    assert.equal(tagOf(readPipeline(long, { branches: /./, imageTag: "ref-slug" })), "x".repeat(63));
  });

  test("of a group are those of the one project that `project` names", () => {
    assert.equal(tagOf(readPipeline({}, { project: "acme/web" })), "v1");
  });

  test("that take something away deploy nothing", () => {
    const events: [body: object, setting: Partial<GitlabSetting>][] = [
      [{ object_kind: "tag_push", ref: "refs/tags/v1", after: "0".repeat(40) }, { on: ["tag"] }],
      [{ object_kind: "release", action: "delete", tag: "v1" }, { on: ["release"] }],
      [{ object_kind: "release", action: "update", tag: "v1" }, { on: ["release"] }],
    ];
    for (const [body, setting] of events) {
      assert.equal(gitlab.read(requestWith(body), settingOf(setting)).kind, "ignored");
    }
  });

  test("of other kinds never deploy, whatever their name", () => {
    for (const kind of ["push", "merge_request", "note", "__proto__", "toString", 3, null]) {
      assert.equal(gitlab.read(requestWith({ object_kind: kind }), defaultSetting).kind, "ignored");
    }
  });

  test("that are no objects, or pipelines without attributes, are malformed", () => {
    assert.equal(gitlab.read(requestWith([]), defaultSetting).kind, "malformed");
    assert.equal(gitlab.read(requestWith({ object_kind: "pipeline" }), defaultSetting).kind, "malformed");
  });

  test("are known by their header", () => {
    for (const name of listFixtures("gitlab")) {
      assert.equal(findSource(requestOf(readFixture("gitlab", name)), defaultSetting), gitlab, name);
    }
  });

  test("with a custom template are read as what they are when the source is fixed", () => {
    const request = requestOf(readFixture("gitlab", "custom-template"));
    assert.equal(findSource(request, { ...defaultSetting, source: "plain" }), plain);
    assert.equal(tagOf(plain.read(request, defaultSetting)), "v1.4.2");
  });
});

describe("GitLab's proof", () => {
  const token = "gitlab-token-0123456789";
  const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
  const signing = [key, token];
  const tokened = requestOf(readFixture("gitlab", "pipeline-tag"));
  const signed = requestOf(readFixture("gitlab", "pipeline-signed"));
  const verify = (request: typeof signed, keys = signing, nowMs = 1786548389_000) =>
    gitlab.verify?.(request, { ...defaultSetting, signing: keys }, nowMs);

  test("is the secret token in X-Gitlab-Token, or a signing token's signature", () => {
    assert.equal(findVerifier(tokened, { signing })?.name, "gitlab");
    assert.equal(findVerifier(signed, { signing })?.name, "gitlab");
    assert.equal(verify(tokened), undefined);
    assert.equal(verify(signed), undefined);
  });

  test("is refused when it is none, another, or too old", () => {
    const { "x-gitlab-token": _, ...headers } = tokened.headers;
    assert.match(String(verify({ ...tokened, headers })), /no X-Gitlab-Token/);
    assert.match(
      String(verify({ ...tokened, headers: { ...headers, "x-gitlab-token": "" } })),
      /none of the keys/,
    );
    assert.match(String(verify(tokened, [key])), /none of the keys/);
    assert.match(String(verify(signed, [token])), /not of its body/);
    assert.match(String(verify(signed, signing, 1786549000_000)), /5 minutes/);
  });

  test("cannot be a right token beside a wrong signature", () => {
    const headers = { ...signed.headers, "x-gitlab-token": token, "webhook-signature": "v1,AAAA" };
    assert.match(String(verify({ ...signed, headers })), /not of its body/);
  });
});
