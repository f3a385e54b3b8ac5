import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseImageName } from "../../../hook/image-name.ts";
import { hashSecret } from "../../../hook/secret-hash.ts";
import { defaultTags, type Service } from "../../../hook/service.ts";
import { judgeWebhook, type Verdict } from "../../../hook/verdict.ts";
import { dockerHubBody } from "../../support/hook.ts";

function serviceOf(image: string, tags: RegExp): Service {
  const parsed = parseImageName(image);
  if ("problem" in parsed) throw new Error(parsed.problem);
  const target = { name: "none", timeoutMs: 0, deploy: () => Promise.reject(new Error("not asked for")) };
  return { name: "blog", image: parsed.name, secret: hashSecret("unused"), tags, target };
}

function judge(
  body: string,
  { image = "stut/blog", tags = defaultTags, type = "application/json" } = {},
): Verdict {
  const raw = Buffer.from(body);
  return judgeWebhook(serviceOf(image, tags), { headers: { "content-type": type }, query: {}, raw });
}

describe("an authentic webhook", () => {
  const seeds = /^(release-)?\d{14}$/;
  const tags: [tag: string, pattern: RegExp, expected: string][] = [
    ["20230103082900", seeds, "wanted"],
    ["release-20230103082900", seeds, "wanted"],
    ["release-20230103082900x", seeds, "ignored"],
    ["latest", seeds, "ignored"],
    ["latest", defaultTags, "ignored"],
    ["latest-2", defaultTags, "wanted"],
    ["v1", defaultTags, "wanted"],
    ["latest", /./, "wanted"],
  ];
  for (const [tag, pattern, expected] of tags) {
    test(`for the tag ${tag} is ${expected} by ${pattern}`, () => {
      assert.equal(judge(dockerHubBody("stut/blog", tag), { tags: pattern }).kind, expected);
    });
  }

  test("for another repository is ignored, with the reason", () => {
    const verdict = judge(dockerHubBody("evil/blog", "v1"));
    assert.ok(verdict.kind === "ignored");
    assert.match(verdict.reason, /not this service's \(stut\/blog\)/);
  });

  test("names a repository of another registry in full", () => {
    const image = "registry.gitlab.com/lucj/sophia.events";
    assert.equal(judge(dockerHubBody(image, "v1"), { image }).kind, "wanted");
    assert.equal(judge(dockerHubBody("lucj/sophia.events", "v1"), { image }).kind, "ignored");
  });

  test("for docker.io/stut/blog is for stut/blog", () => {
    assert.equal(judge(dockerHubBody("stut/blog", "v1"), { image: "docker.io/stut/blog" }).kind, "wanted");
  });

  test("is not repeated in the reason when its repository is nonsense", () => {
    const verdict = judge(dockerHubBody("<script>/../..", "v1"));
    assert.ok(verdict.kind === "ignored");
    assert.doesNotMatch(verdict.reason, /script/);
  });

  const rejected: [what: string, body: string, code: string][] = [
    ["an empty body", "", "malformed_body"],
    ["no JSON", "{", "malformed_body"],
    ["a list", "[]", "malformed_body"],
    ["nothing but null", "null", "malformed_body"],
    ["another sender's form", `{"action":"hello"}`, "unknown_webhook"],
    ["half of Docker Hub's form", `{"push_data":{},"repository":3}`, "malformed_webhook"],
  ];
  for (const [what, body, code] of rejected) {
    test(`with ${what} is rejected as ${code}`, () => {
      const verdict = judge(body);
      assert.ok(verdict.kind === "rejected");
      assert.equal(verdict.code, code);
    });
  }

  test("may come as a form's payload, and as what `curl -d` without a header calls a form", () => {
    const type = "application/x-www-form-urlencoded";
    const body = dockerHubBody("stut/blog", "v1");
    assert.equal(judge(`payload=${encodeURIComponent(body)}`, { type }).kind, "wanted");
    assert.equal(judge(body, { type }).kind, "wanted");
    assert.equal(judge("other=1", { type }).kind, "rejected");
  });

  test("nested ten thousand deep does not take the hook down", () => {
    const deep = `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`;
    assert.equal(judge(deep).kind, "rejected");
  });
});
