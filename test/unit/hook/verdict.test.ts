import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { judgeWebhook, type Verdict } from "../../../hook/accept/verdict.ts";
import type { Service } from "../../../hook/service.ts";
import { configOf, dockerHubBody, readConfig, script } from "../../support/hook.ts";

function serviceOf(image: string, tags?: RegExp, more = ""): Service {
  const pattern = tags === undefined ? "" : `tags: '${tags.source}'`;
  const yaml = configOf({ blog: script("exit 0") })
    .replace("image: stut/blog", `image: ${image}`)
    .replace("target:", () => `${pattern}\n    ${more}\n    target:`);
  return readConfig(yaml, "/").services.get("blog") ?? assert.fail("the config has no such service");
}

interface JudgeOptions {
  image?: string;
  tags?: RegExp;
  type?: string;
  /** Lines of the service's config. */
  more?: string;
}

function judge(
  body: string | Buffer,
  { image = "stut/blog", tags, type = "application/json", more }: JudgeOptions = {},
): Promise<Verdict> {
  const received = { headers: { "content-type": type }, query: {}, raw: Buffer.from(body) };
  return judgeWebhook(serviceOf(image, tags, more), received, Date.now());
}

describe("an authentic webhook", () => {
  const seeds = /^(release-)?\d{14}$/;
  const tags: [tag: string, pattern: RegExp | undefined, expected: string][] = [
    ["20230103082900", seeds, "wanted"],
    ["release-20230103082900", seeds, "wanted"],
    ["release-20230103082900x", seeds, "ignored"],
    ["latest", seeds, "ignored"],
    ["latest", undefined, "ignored"],
    ["latest-2", undefined, "wanted"],
    ["v1", undefined, "wanted"],
    ["latest", /./, "wanted"],
  ];
  for (const [tag, pattern, expected] of tags) {
    test(`for the tag ${tag} is ${expected} by ${pattern ?? "the default"}`, async () => {
      assert.equal(
        (await judge(dockerHubBody("stut/blog", tag), pattern === undefined ? {} : { tags: pattern })).kind,
        expected,
      );
    });
  }

  test("for the tag of a signature is ignored, whatever tags are wanted", async () => {
    const digest = "4a".repeat(32);
    for (const tag of [`sha256-${digest}.sig`, `sha256-${digest}.att`, `sha256-${digest}`])
      assert.equal((await judge(dockerHubBody("stut/blog", tag), { tags: /./ })).kind, "ignored", tag);
    for (const tag of [`sha256-${digest.slice(1)}`, `v1-sha256-${digest}`, "sha256-v1"])
      assert.equal((await judge(dockerHubBody("stut/blog", tag), { tags: /./ })).kind, "wanted", tag);
  });

  test("for another repository is ignored, with the reason", async () => {
    const verdict = await judge(dockerHubBody("evil/blog", "v1"));
    assert.ok(verdict.kind === "ignored");
    assert.match(verdict.reason, /not this service's \(stut\/blog\)/);
  });

  test("names a repository of another registry in full", async () => {
    const image = "registry.gitlab.com/lucj/sophia.events";
    assert.equal((await judge(dockerHubBody(image, "v1"), { image })).kind, "wanted");
    assert.equal((await judge(dockerHubBody("lucj/sophia.events", "v1"), { image })).kind, "ignored");
  });

  test("for docker.io/stut/blog is for stut/blog", async () => {
    assert.equal(
      (await judge(dockerHubBody("stut/blog", "v1"), { image: "docker.io/stut/blog" })).kind,
      "wanted",
    );
  });

  test("is not repeated in the reason when its repository is nonsense", async () => {
    const verdict = await judge(dockerHubBody("<script>/../..", "v1"));
    assert.ok(verdict.kind === "ignored");
    assert.doesNotMatch(verdict.reason, /script/);
  });

  const rejected: [what: string, body: string, code: string][] = [
    ["an empty body", "", "unknown_webhook"],
    ["no JSON", "{", "malformed_body"],
    ["a list", "[]", "malformed_body"],
    ["nothing but null", "null", "malformed_body"],
    ["another sender's form", `{"action":"hello"}`, "unknown_webhook"],
    ["half of Docker Hub's form", `{"push_data":{},"repository":3}`, "malformed_webhook"],
  ];
  for (const [what, body, code] of rejected) {
    test(`with ${what} is rejected as ${code}`, async () => {
      const verdict = await judge(body);
      assert.ok(verdict.kind === "rejected");
      assert.equal(verdict.code, code);
    });
  }

  const unknown: [what: string, body: string, query: object, detail: string][] = [
    ["nothing in it", "", {}, "if it is one of your own, `tag` is missing"],
    ["a misspelt tag in the query", "", { tga: "v1" }, "if it is one of your own, `tag` is missing"],
    [
      "the tag in the image",
      '{"image":"stut/blog:v1"}',
      {},
      "if it is one of your own, `tag` is missing; what stands behind the colon of `image` belongs into `tag`",
    ],
    [
      "the tag in the query, beside a body",
      '{"image":"stut/blog"}',
      { tag: "v1" },
      "`tag` is in the query; put it into the body as well, or leave the body out",
    ],
  ];
  for (const [what, body, query, detail] of unknown) {
    test(`with ${what} is told what a sender of one's own has to send`, async () => {
      const received = {
        headers: { "content-type": "application/json" },
        query: { ...query },
        raw: Buffer.from(body),
      };
      const verdict = await judgeWebhook(serviceOf("stut/blog"), received, Date.now());
      assert.deepEqual(verdict, { kind: "rejected", source: "unknown", code: "unknown_webhook", detail });
    });
  }

  test("may come as a form's payload, and as what `curl -d` without a header calls a form", async () => {
    const type = "application/x-www-form-urlencoded";
    const body = dockerHubBody("stut/blog", "v1");
    assert.equal((await judge(`payload=${encodeURIComponent(body)}`, { type })).kind, "wanted");
    assert.equal((await judge(body, { type })).kind, "wanted");
    assert.equal((await judge("other=1", { type })).kind, "rejected");
    assert.equal((await judge("tag=v1", { type })).kind, "wanted");
  });

  test("for another name of the image is wanted when the config has it as an alias", async () => {
    const body = dockerHubBody("reg:5000/stut/blog", "v1");
    assert.equal((await judge(body)).kind, "ignored");
    assert.equal((await judge(body, { more: "aliases: [reg:5000/stut/blog]" })).kind, "wanted");
  });

  test("that names no image is for the service's own", async () => {
    assert.equal((await judge('{"tag":"v1"}')).kind, "wanted");
    assert.equal((await judge('{"tag":"v1","image":"evil/blog"}')).kind, "ignored");
  });

  test("from another sender than the fixed one is not wanted, whatever it looks like", async () => {
    for (const source of ["github", "gitlab", "quay", "plain", "standard-webhooks"]) {
      const more = `webhook: { source: ${source} }`;
      assert.notEqual((await judge(dockerHubBody("stut/blog", "v1"), { more })).kind, "wanted", source);
    }
  });

  test("may have a byte order mark, and may not be anything but UTF-8", async () => {
    const body = Buffer.from(dockerHubBody("stut/blog", "v1"));
    assert.equal((await judge(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), body]))).kind, "wanted");
    const latin = Buffer.from('{"tag":"v1","pusher":"Andr\xe9"}', "latin1");
    const verdict = await judge(latin);
    assert.ok(verdict.kind === "rejected");
    assert.equal(verdict.code, "malformed_body");
  });
});

describe("a service with signing keys", () => {
  const key = "a-signing-key-0123456789";
  const more = `webhook: { signing: [another-key-0123456789, ${key}] }`;
  const body = Buffer.from(dockerHubBody("stut/blog", "v1"));

  async function judgeWith(headers: Record<string, string>, raw = body): Promise<Verdict> {
    const received = { headers: { "content-type": "application/json", ...headers }, query: {}, raw };
    return judgeWebhook(serviceOf("stut/blog", undefined, more), received, Date.now());
  }

  const proofs: [what: string, headers: Record<string, string>, isGood: boolean][] = [
    ["nothing", {}, false],
    ["the key as the Authorization header", { authorization: key }, true],
    ["the key as a bearer token", { authorization: `Bearer ${key}` }, true],
    ["the key as a password", { authorization: `Basic ${btoa(`harbor:${key}`)}` }, true],
    ["the key as a user's name", { authorization: `Basic ${btoa(`${key}:`)}` }, false],
    ["another key", { authorization: "Bearer wrong-key-0123456789" }, false],
    ["an empty Authorization header", { authorization: "" }, false],
    ["an empty bearer token", { authorization: "Bearer " }, false],
    ["the key in a header of no sender", { "x-key": key }, false],
    ["GitHub's header without a signature", { "x-github-event": "package", authorization: key }, false],
    ["GitLab's header without a token", { "x-gitlab-event": "Pipeline Hook", authorization: key }, false],
  ];
  for (const [what, headers, isGood] of proofs) {
    test(`${isGood ? "takes" : "refuses"} a webhook that brings ${what}`, async () => {
      const verdict = await judgeWith(headers);
      if (isGood) return assert.equal(verdict.kind, "wanted");
      assert.ok(verdict.kind === "rejected");
      assert.equal(verdict.code, "bad_signature");
      assert.doesNotMatch(String(verdict.detail), /key-0123/);
    });
  }

  test("refuses what is not signed before anybody parses it", async () => {
    for (const raw of [Buffer.from("{"), Buffer.from([0xff]), Buffer.alloc(0)]) {
      const verdict = await judgeWith({}, raw);
      assert.ok(verdict.kind === "rejected");
      assert.equal(verdict.code, "bad_signature");
    }
  });
});
