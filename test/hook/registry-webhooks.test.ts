import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { configOf, script, secretOf, startHook, type TestHook } from "../support/hook.ts";
import { audience, email, type OidcIssuer, startOidcIssuer } from "../support/oidc-issuer.ts";
import { readFixture, sendFixture } from "../support/webhooks.ts";

interface Answered {
  status: string;
  reason?: string;
  deployments?: { id: number; tag: string }[];
}

/** A service `blog` with an image, and more in its entry of the config. */
function startWith(image: string, more = ""): Promise<TestHook> {
  const yaml = configOf({ blog: script("echo deployed $STATIGO_TAG") });
  return startHook(yaml.replace("image: stut/blog\n", () => `image: ${image}\n    ${more}\n`));
}

function urlOf({ origin }: TestHook): string {
  return `${origin}/hooks/blog/${secretOf("blog")}`;
}

async function send(hook: TestHook, source: string, name: string, more: Record<string, string> = {}) {
  const answer = await sendFixture(urlOf(hook), readFixture(source, name), more);
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Answered };
}

describe("a registry's webhook over HTTP", () => {
  const pushes: [source: string, fixture: string, image: string, tag: string][] = [
    ["harbor", "push", "harbor.dev/library/web", "v1.4.2"],
    ["quay", "push", "quay.io/acme/web", "v1.4.2"],
    ["distribution", "index", "127.0.0.1:42897/acme/web", "v1.4.2"],
    ["ecr", "push", "123456789012.dkr.ecr.us-west-2.amazonaws.com/my-repository-name", "v1.4.2"],
    ["google-artifact-registry", "new-tag", "us-east1-docker.pkg.dev/my-project/my-repo/hello-world", "1.1"],
    ["azure", "push", "myregistry.azurecr.io/hello-world", "v1"],
    ["cloudevents", "structured", "reg.example/acme/web", "v1.4.2"],
    ["cloudevents", "binary", "reg.example/acme/web", "v1.4.2"],
    ["cloudevents", "harbor-push", "harbor.dev/library/web", "v1.4.2"],
    ["cloudevents", "event-grid-push", "demo.azurecr.io/aci-helloworld", "v1"],
  ];
  for (const [source, fixture, image, tag] of pushes) {
    test(`is deployed once when ${source} sends ${fixture} twice`, async () => {
      const hook = await startWith(image);
      try {
        const first = await send(hook, source, fixture);
        assert.deepEqual([first.status, first.body.status], [202, "accepted"]);
        const [made] = first.body.deployments ?? [];
        assert.equal(made?.tag, tag);
        const again = await send(hook, source, fixture);
        assert.deepEqual([again.status, again.body.status], [202, "duplicate"]);
        const ended = await hook.untilEnded(made?.id ?? 0);
        assert.deepEqual([ended.state, ended.source, ended.tag], ["succeeded", source, tag]);
        assert.equal(hook.store.list({ limit: 10 }).length, 1);
      } finally {
        await hook.stop();
      }
    });
  }

  test("is known by an alias where the registry is called otherwise from inside", async () => {
    const hook = await startWith("reg.example/acme/web", "aliases: ['127.0.0.1:42897/acme/web']");
    const { body } = await send(hook, "distribution", "index");
    assert.equal(body.status, "accepted");
    await hook.stop();
  });
});

describe("what a registry sends beside pushes", () => {
  let hook: TestHook;
  before(async () => {
    hook = await startWith("127.0.0.1:42897/acme/web");
  });
  after(() => hook.stop());

  test("is answered with 2xx, so that the registry's queue goes on", async () => {
    for (const name of ["blob", "child-manifest", "pull", "delete-manifest", "delete-tag", "empty"]) {
      const { status, body } = await send(hook, "distribution", name);
      assert.deepEqual([status, body.status], [202, "ignored"], name);
    }
    assert.equal(hook.store.list({ limit: 10 }).length, 0);
  });

  test("is answered with 200 when it is Azure's ping", async () => {
    assert.equal((await send(hook, "azure", "ping")).status, 200);
  });

  test("is refused with 415 when it is a batch of CloudEvents, or one in another format", async () => {
    for (const type of [
      "application/cloudevents-batch+json",
      "application/CloudEvents-Batch+JSON; charset=utf-8",
      "application/cloudevents+avro",
    ]) {
      const answer = await fetch(urlOf(hook), {
        method: "POST",
        headers: { "content-type": type },
        body: "[]",
      });
      assert.equal(answer.status, 415, type);
    }
  });
});

describe("OPTIONS of a webhook's URL", () => {
  let hook: TestHook;
  before(async () => {
    hook = await startWith("reg.example/acme/web");
  });
  after(() => hook.stop());

  const ask = (headers: Record<string, string>, url = urlOf(hook)) =>
    fetch(url, { method: "OPTIONS", headers });

  test("permits a sender of CloudEvents to send, at the rate it asks for up to the service's limit", async () => {
    const asked: [rate: string | undefined, allowed: string][] = [
      [undefined, "6000"],
      ["120", "120"],
      ["7000", "6000"],
      ["0", "6000"],
      ["many", "6000"],
    ];
    for (const [rate, allowed] of asked) {
      const answer = await ask({
        "webhook-request-origin": "eventgrid.azure.net",
        ...(rate !== undefined && { "webhook-request-rate": rate }),
      });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get("webhook-allowed-origin"), "eventgrid.azure.net");
      assert.equal(answer.headers.get("webhook-allowed-rate"), allowed, rate);
      assert.equal(answer.headers.get("allow"), "POST, OPTIONS");
      assert.equal(await answer.text(), "");
    }
  });

  test("permits nothing without an origin, or with one that is no name", async () => {
    for (const headers of [{}, { "webhook-request-origin": "" }, { "webhook-request-origin": "a b" }]) {
      const answer = await ask(headers as Record<string, string>);
      assert.equal(answer.headers.get("webhook-allowed-origin"), null);
      assert.equal(answer.headers.get("webhook-allowed-rate"), null);
    }
  });

  test("says nothing to who does not have the secret", async () => {
    const headers = { "webhook-request-origin": "eventgrid.azure.net" };
    for (const path of ["/hooks/blog/wrong-secret-0123456789", `/hooks/nobody/${secretOf("blog")}`]) {
      const answer = await ask(headers, `${hook.origin}${path}`);
      assert.equal(answer.status, 404);
      assert.equal(answer.headers.get("webhook-allowed-origin"), null);
      assert.equal(answer.headers.get("allow"), null);
    }
  });

  test("never has WebHook-Request-Callback fetched", async () => {
    let requests = 0;
    const server = createServer((_request, response) => {
      requests += 1;
      response.end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const callback = `http://127.0.0.1:${(server.address() as AddressInfo).port}/confirm?id=1`;
    await ask({ "webhook-request-origin": "eventgrid.azure.net", "webhook-request-callback": callback });
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(requests, 0);
    server.close();
  });

  test("permits nothing where the config fixes a sender that sends no CloudEvents", async () => {
    const fixed = await startWith("reg.example/acme/web", "webhook: { source: quay }");
    const answer = await ask({ "webhook-request-origin": "eventgrid.azure.net" }, urlOf(fixed));
    assert.equal(answer.headers.get("webhook-allowed-origin"), null);
    await fixed.stop();
  });
});

describe("a service with an Authorization key", () => {
  const key = "Bearer key-0123456789abcdef";
  let hook: TestHook;
  before(async () => {
    hook = await startWith("harbor.dev/library/web", "webhook: { signing: [key-0123456789abcdef] }");
  });
  after(() => hook.stop());

  for (const [source, fixture] of [
    ["harbor", "push"],
    ["cloudevents", "harbor-push"],
    ["quay", "push"],
    ["ecr", "push"],
    ["azure", "push"],
    ["distribution", "index"],
  ] as const) {
    test(`takes ${source}'s ${fixture} with the key, and refuses it with another or none`, async () => {
      assert.equal((await send(hook, source, fixture, { authorization: key })).status, 202);
      for (const authorization of ["", "Bearer other-0123456789abcdef", "Bearer", `${key}x`])
        assert.equal((await send(hook, source, fixture, { authorization })).status, 401);
    });
  }
});

test("a key in the query of a CloudEvent's URL is taken, and not logged", async () => {
  const hook = await startWith("reg.example/acme/web", "webhook: { signing: [key-0123456789abcdef] }");
  const fixture = readFixture("cloudevents", "structured");
  for (const [token, status] of [
    ["key-0123456789abcdef", 202],
    ["wrong-0123456789abcdef", 401],
  ] as const) {
    const answer = await sendFixture(`${urlOf(hook)}?access_token=${token}`, fixture);
    assert.equal(answer.status, status);
  }
  assert.doesNotMatch(hook.log(), /0123456789abcdef/);
  await hook.stop();
});

describe("a service that wants Google's token", () => {
  let issuer: OidcIssuer;
  let hook: TestHook;
  before(async () => {
    issuer = await startOidcIssuer();
    const oidc = JSON.stringify({ audience, email, jwksUrl: issuer.jwksUrl });
    hook = await startWith(
      "us-east1-docker.pkg.dev/my-project/my-repo/hello-world",
      `webhook: { oidc: ${oidc} }`,
    );
  });
  after(async () => {
    await hook.stop();
    await issuer.stop();
  });

  const push = async (claims?: object) =>
    send(hook, "google-artifact-registry", "new-tag", {
      authorization: `Bearer ${await issuer.sign(claims)}`,
    });

  test("has Pub/Sub send again while the issuer's keys cannot be had, and then takes it", async () => {
    issuer.answerWith({ status: 500 });
    const refused = await push();
    assert.deepEqual([refused.status, refused.headers.get("retry-after")], [503, "30"]);
    assert.match(JSON.stringify(refused.body), /keys_unavailable/);
    issuer.answerWith(undefined);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.deepEqual([(await push()).body.status], ["accepted"]);
  });

  test("refuses another account's token, and every other sender", async () => {
    assert.equal((await push({ email: "other@acme.example" })).status, 401);
    assert.equal((await send(hook, "google-artifact-registry", "new-tag")).status, 401);
    assert.equal((await send(hook, "harbor", "push")).status, 401);
    assert.equal((await hook.push("v1")).status, 401);
  });

  test("logs no token", async () => {
    await push();
    await push({ email: "other@acme.example" });
    assert.doesNotMatch(hook.log(), /eyJ/);
  });
});
