import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, describe, test } from "node:test";
import { lookupPublic, type Resolve } from "../../hook/http/public-address.ts";
import { createDockerHubCallback } from "../../hook/notify/docker-hub-callback.ts";
import { readCallbackUrl } from "../../hook/source/docker-hub.ts";
import {
  configOf,
  postWebhook,
  script,
  secretOf,
  startHook,
  type TestHook,
  temporaryFolder,
  until,
} from "../support/hook.ts";
import { createCertificate } from "../support/registry.ts";

const callbackUrl = "https://registry.hub.docker.com/u/stut/blog/hook/2141b5/";

describe("a callback_url", () => {
  for (const url of [callbackUrl, "https://hub.docker.com/x?y=1", "https://HUB.docker.com:443/x"]) {
    test(`is Docker Hub's as ${url}`, () => assert.ok(readCallbackUrl(url) instanceof URL));
  }

  const others: unknown[] = [
    "http://registry.hub.docker.com/u/",
    "https://registry.hub.docker.com.evil.example/",
    "https://evil.example/registry.hub.docker.com",
    "https://registry.hub.docker.com@evil.example/",
    "https://evil.example#registry.hub.docker.com",
    "https://user@hub.docker.com/",
    "https://user:password@hub.docker.com/",
    "https://hub.docker.com:2375/",
    "https://hub.docker.com./",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://docker.com/",
    "https://x.hub.docker.com/",
    "file:///etc/passwd",
    "//hub.docker.com/",
    "hub.docker.com",
    "",
    `https://hub.docker.com/${"a".repeat(2000)}`,
    ["https://hub.docker.com/"],
    5,
    null,
    undefined,
  ];
  for (const value of others) {
    const shown = JSON.stringify(value)?.slice(0, 60);
    test(`is none as ${shown}`, () => assert.equal(readCallbackUrl(value), undefined));
  }
});

interface Received {
  url: string;
  host: string;
  body: unknown;
}

describe("the answer to Docker Hub", () => {
  const folder = temporaryFolder();
  const received: Received[] = [];
  let statuses: number[] = [];
  let server: Server;
  let hub: { connection: object; tls: { ca: Buffer } };
  before(async () => {
    const { certificatePem, keyPem } = createCertificate(folder, "DNS:registry.hub.docker.com");
    server = createServer({ cert: certificatePem, key: keyPem }, async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      received.push({
        url: request.url ?? "",
        host: request.headers.host?.replace(/:\d+$/, "") ?? "",
        body: JSON.parse(body),
      });
      response.writeHead(statuses.shift() ?? 200, { location: "https://evil.example/" }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const lookup = (_name: string, _options: object, done: (error: null, addresses: object[]) => void) =>
      done(null, [{ address: "127.0.0.1", family: 4 }]);
    hub = { connection: { port, lookup }, tls: { ca: Buffer.from(certificatePem) } };
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const hooks: TestHook[] = [];
  afterEach(async () => {
    for (const hook of hooks.splice(0)) await hook.stop();
  });

  async function startWith(target: string, setting = "webhook: { callback: true }"): Promise<TestHook> {
    received.length = 0;
    const yaml = configOf({ blog: target }).replace("target:", () => `${setting}\n    target:`);
    const notifications = { lookEveryMs: 20, firstRetryMs: 20, maximumRetryMs: 50 };
    const hook = await startHook(yaml, { notifications, callbacks: hub });
    hooks.push(hook);
    return hook;
  }

  async function push(hook: TestHook, tag: string, url: unknown = callbackUrl): Promise<number> {
    const repository = { repo_name: "stut/blog" };
    const body = JSON.stringify({ callback_url: url, push_data: { tag }, repository });
    const answer = await postWebhook(`${hook.origin}/hooks/blog/${secretOf("blog")}`, body);
    assert.equal(answer.status, 202);
    const { deployments } = (await answer.json()) as { deployments: { id: number }[] };
    return deployments[0]?.id ?? 0;
  }

  const endings: [target: string, state: string, description: string][] = [
    ["exit 0", "success", "blog: v1 is deployed"],
    ["echo 'a detail of ours'; exit 1", "failure", "blog: v1 failed"],
  ];
  for (const [target, state, description] of endings) {
    test(`is ${state} after the outcome, without what the target said`, async () => {
      const hook = await startWith(script(target));
      const id = await push(hook, "v1");
      await hook.untilEnded(id);
      await until("the callback came", () => received.length > 0);
      const { pathname: url, host } = new URL(callbackUrl);
      assert.deepEqual(received, [{ url, host, body: { state, description, context: "statigo" } }]);
      await until("it is known as sent", () => hook.store.listNotifications(id)[0]?.state === "sent");
      await hook.stop();
    });
  }

  test("is an error when a newer push came before it was begun", async () => {
    const hook = await startWith(script("sleep 0.3"));
    const first = await push(hook, "v1");
    await until("the first has begun", () => hook.store.find(first)?.state === "deploying");
    await push(hook, "v2");
    await push(hook, "v3");
    await until("the callbacks came", () => received.length === 3);
    assert.deepEqual(received.map(({ body }) => (body as { state: string }).state).toSorted(), [
      "error",
      "success",
      "success",
    ]);
  });

  test("is tried again when Docker Hub fails, and not when it refuses or leads elsewhere", async () => {
    const hook = await startWith(script("exit 0"));
    statuses = [503, 200];
    const first = await push(hook, "v1");
    await until("it was sent at last", () => hook.store.listNotifications(first)[0]?.state === "sent");
    assert.equal(received.length, 2);
    for (const [tag, status] of [
      ["v2", 404],
      ["v3", 302],
    ] as const) {
      statuses = [status];
      const id = await push(hook, tag);
      await until("it was given up", () => hook.store.listNotifications(id)[0]?.state === "failed");
      assert.equal(hook.store.find(id)?.state, "succeeded");
    }
    assert.equal(received.length, 4);
    assert.doesNotMatch(hook.log(), /2141b5/);
  });

  test("is not given to an address that is not Docker Hub's, nor where the config does not ask for it", async () => {
    const hook = await startWith(script("exit 0"));
    await hook.untilEnded(await push(hook, "v1", "https://127.0.0.1/"));
    await hook.untilEnded(await push(hook, "v2", "https://evil.example/"));
    const silent = await startWith(script("exit 0"), "");
    const id = await push(silent, "v3");
    await silent.untilEnded(id);
    assert.equal(silent.store.callbackUrlOf(id), undefined);
    assert.deepEqual(received, []);
  });

  test("is not sent to an address within, whatever the DNS says, nor without a certificate of Docker Hub's", async () => {
    const event = { callbackUrl, deployment: { state: "succeeded", tag: "v1", service: "blog" } };
    const send = (reached: object) => {
      const context = { signal: AbortSignal.timeout(60_000), messageId: "msg" };
      return createDockerHubCallback(reached).notifier.send(event as never, context);
    };
    const { connection, tls } = hub;
    received.length = 0;
    const untrusted = await send({ connection });
    assert.ok(!untrusted.ok && /self-signed/.test(untrusted.problem));
    assert.deepEqual(await send({ connection, tls }), { ok: true });
    assert.equal(received.length, 1);
    const inside: Resolve = (_name, _options, done) => done(null, [{ address: "127.0.0.1", family: 4 }]);
    const kept = await send({ connection: { ...connection, lookup: lookupPublic(inside) }, tls });
    assert.ok(!kept.ok && /has an address that is not public/.test(kept.problem), JSON.stringify(kept));
    assert.equal(received.length, 1);
    const local = { ...event, callbackUrl: "https://localhost/" };
    const refused = await createDockerHubCallback().notifier.send(local as never, {
      signal: AbortSignal.timeout(60_000),
      messageId: "msg",
    });
    assert.deepEqual(refused, {
      ok: false,
      problem: "its callback_url is not Docker Hub's",
      isTemporary: false,
    });
  });
});

describe("webhook.callback", () => {
  test("is for Docker Hub only", async () => {
    const yaml = configOf({ blog: script("exit 0") });
    const start = (setting: string) =>
      startHook(yaml.replace("target:", () => `webhook: ${setting}\n    target:`));
    await assert.rejects(start("{ source: quay, callback: true }"), /for the source docker-hub only/);
    await (await start("{ source: docker-hub, callback: true }")).stop();
    await (await start("{ source: quay, callback: false }")).stop();
  });
});
