import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { configOf, script, secretOf, startHook, type TestHook } from "../support/hook.ts";
import { readFixture, sendFixture } from "../support/webhooks.ts";

interface Sender {
  source: string;
  fixture: string;
  /** The service's image, and its `webhook` in YAML. */
  image: string;
  webhook: string;
  /** What is deployed, or what is answered instead. */
  tag: string | { status: number; says: RegExp };
}

const githubKey = `"It's a Secret to Everybody"`;
const ignored = (says: RegExp) => ({ status: 202, says });

const senders: Sender[] = [
  {
    source: "github",
    fixture: "registry-package-published",
    image: "ghcr.io/acme/web",
    webhook: `{ signing: [another-key-0123456789, ${githubKey}] }`,
    tag: "v1.4.2",
  },
  {
    source: "github",
    fixture: "package-form",
    image: "ghcr.io/acme/web",
    webhook: `{ source: github, signing: [${githubKey}] }`,
    tag: "v1.4.3",
  },
  {
    source: "github",
    fixture: "ping",
    image: "ghcr.io/acme/web",
    webhook: "{}",
    tag: { status: 200, says: /"status":"ignored","reason":"a ping"/ },
  },
  {
    source: "github",
    fixture: "ping",
    image: "ghcr.io/acme/web",
    webhook: `{ signing: [${githubKey}] }`,
    tag: { status: 401, says: /has the webhook a secret at GitHub/ },
  },
  {
    source: "github",
    fixture: "package-untagged",
    image: "ghcr.io/codertocat/hello-world",
    webhook: "{}",
    tag: ignored(/no tag/),
  },
  {
    source: "gitea",
    fixture: "package-created",
    image: "git.example:3000/acme/web",
    webhook: "{ signing: [gitea-key-0123456789] }",
    tag: "v1.4.2",
  },
  {
    source: "gitea",
    fixture: "forgejo-form",
    image: "codeberg.org/acme/site/web",
    webhook: "{ signing: [gitea-key-0123456789] }",
    tag: "v1.4.3",
  },
  {
    source: "gitea",
    fixture: "package-untagged",
    image: "git.example/acme/web",
    webhook: "{ signing: [gitea-key-0123456789] }",
    tag: { status: 401, says: /signature is empty/ },
  },
  {
    source: "gitlab",
    fixture: "pipeline-tag",
    image: "registry.gitlab.com/acme/web",
    webhook: "{ signing: [gitlab-token-0123456789] }",
    tag: "v1.4.2",
  },
  {
    source: "gitlab",
    fixture: "pipeline-signed",
    image: "registry.gitlab.com/acme/web",
    webhook: "{ signing: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=] }",
    tag: { status: 401, says: /more than 5 minutes away/ },
  },
  {
    source: "gitlab",
    fixture: "job",
    image: "acme/web",
    webhook: "{ gitlab: { on: job, job: build-image, branches: ^main$, imageTag: short-sha } }",
    tag: "2293ada6",
  },
  {
    source: "gitlab",
    fixture: "deployment",
    image: "acme/web",
    webhook: "{ gitlab: { on: [deployment, release], environment: staging, imageTag: short-sha } }",
    tag: "279484c0",
  },
  {
    source: "gitlab",
    fixture: "release",
    image: "acme/web",
    webhook: "{ gitlab: { on: release } }",
    tag: "v1.1",
  },
  {
    source: "gitlab",
    fixture: "tag-push",
    image: "acme/web",
    webhook: "{ gitlab: { on: tag } }",
    tag: "v1.0.0",
  },
  {
    source: "gitlab",
    fixture: "tag-push",
    image: "acme/web",
    webhook: "{}",
    tag: ignored(/webhook\.gitlab\.on/),
  },
  {
    source: "gitlab",
    fixture: "custom-template",
    image: "acme/web",
    webhook: "{ source: plain }",
    tag: "v1.4.2",
  },
  { source: "plain", fixture: "query", image: "acme/web", webhook: "{}", tag: "v1.4.2" },
  { source: "plain", fixture: "form", image: "acme/web", webhook: "{}", tag: "v1.4.2" },
  {
    source: "plain",
    fixture: "json",
    image: "acme/web",
    webhook: "{ source: plain, signing: [plain-key-0123456789] }",
    tag: { status: 401, says: /no signature and no Authorization header/ },
  },
];

describe("over HTTP, a webhook as its sender sends it", () => {
  const nameOf = (index: number) => `service-${index}`;
  let hook: TestHook;
  before(async () => {
    const services = senders.map((_, index) => [nameOf(index), script("exit 0")]);
    const yaml = configOf(Object.fromEntries(services));
    hook = await startHook(
      senders.reduce(
        (text, { image, webhook }, index) =>
          text.replace(`image: stut/${nameOf(index)}\n`, () => `image: ${image}\n    webhook: ${webhook}\n`),
        yaml,
      ),
    );
  });
  after(() => hook.stop());

  for (const [index, { source, fixture, webhook, tag }] of senders.entries()) {
    const what = typeof tag === "string" ? `deploys ${tag}` : `is answered ${tag.status}`;
    test(`(${source}, ${fixture}) ${what} with webhook: ${webhook}`, async () => {
      const url = `${hook.origin}/hooks/${nameOf(index)}/${secretOf(nameOf(index))}`;
      const answer = await sendFixture(url, readFixture(source, fixture));
      const text = await answer.text();
      if (typeof tag !== "string") {
        assert.equal(answer.status, tag.status, text);
        return assert.match(text, tag.says);
      }
      assert.equal(answer.status, 202, text);
      const { status, deployments } = JSON.parse(text) as { status: string; deployments: { id: number }[] };
      assert.equal(status, "accepted");
      const ended = await hook.untilEnded(deployments[0]?.id ?? 0);
      assert.deepEqual([ended.state, ended.service, ended.tag], ["succeeded", nameOf(index), tag]);
    });
  }
});
