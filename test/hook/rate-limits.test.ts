import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import {
  apiToken,
  configOf,
  dockerHubBody,
  script,
  secretOf,
  startHook,
  type TestHook,
} from "../support/hook.ts";

const proxied = "trustedProxies: [127.0.0.1]";

async function start(context: TestContext, limits: string, serviceLine = ""): Promise<TestHook> {
  const yaml = configOf({ blog: script("exit 0"), site: script("exit 0") }, `limits: ${limits}\n${proxied}`);
  const hook = await startHook(yaml.replace("target:", () => `${serviceLine}\n    target:`));
  context.after(() => hook.stop());
  return hook;
}

interface Sender {
  address?: string;
  service?: string;
  secret?: string;
  headers?: Record<string, string>;
}

/** Through a trusted proxy, so that one machine can be many addresses. */
async function send(hook: TestHook, { address = "192.0.2.1", service = "blog", ...sender }: Sender = {}) {
  const { secret = secretOf(service), headers = {} } = sender;
  return fetch(`${hook.origin}/hooks/${service}/${secret}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-forwarded-for": address, ...headers },
    body: dockerHubBody(`stut/${service}`, "latest"),
  });
}

async function statuses(count: number, sending: () => Promise<Response>): Promise<number[]> {
  const found: number[] = [];
  for (let sent = 0; sent < count; sent++) found.push((await sending()).status);
  return found;
}

describe("the limit of an address", () => {
  test("answers 429 with Retry-After to one who keeps trying secrets, of any service", async (context) => {
    const hook = await start(context, "{ perAddress: 3 }");
    const guess = (service: string) => send(hook, { service, secret: "wrong-secret-0123456789" });
    assert.deepEqual(await statuses(3, () => guess("blog")), [404, 404, 404]);
    for (const service of ["blog", "site", "nobody"]) {
      const answer = await guess(service);
      assert.equal(answer.status, 429);
      const seconds = Number(answer.headers.get("retry-after"));
      assert.ok(seconds >= 1 && seconds <= 60, String(seconds));
      assert.match(await answer.text(), /"code":"too_many_requests"/);
    }
  });

  test("never holds up who has the secret, though the same address is used for guessing", async (context) => {
    const hook = await start(context, "{ perAddress: 1 }");
    const guess = () => send(hook, { secret: "wrong-secret-0123456789" });
    assert.deepEqual(await statuses(3, guess), [404, 429, 429]);
    assert.equal((await send(hook)).status, 202);
  });

  test("is one's own: others are answered as before", async (context) => {
    const hook = await start(context, "{ perAddress: 1 }");
    const guess = (address: string) => send(hook, { address, secret: "wrong-secret-0123456789" });
    assert.deepEqual(await statuses(2, () => guess("192.0.2.1")), [404, 429]);
    assert.equal((await guess("192.0.2.2")).status, 404);
  });

  test("is that of an IPv6 network: its 2^64 addresses are one customer's", async (context) => {
    const hook = await start(context, "{ perAddress: 1 }");
    const guess = (address: string) => send(hook, { address, secret: "wrong-secret-0123456789" });
    assert.equal((await guess("2001:db8:0:1::1")).status, 404);
    assert.equal((await guess("2001:db8:0:1:ffff::2")).status, 429);
    assert.equal((await guess("2001:db8:0:2::1")).status, 404);
  });

  test("counts bad signatures too", async (context) => {
    const hook = await start(context, "{ perAddress: 1 }", "webhook: { signing: [signing-key-0123456789] }");
    assert.deepEqual(await statuses(2, () => send(hook)), [401, 429]);
    const headers = { authorization: "Bearer signing-key-0123456789" };
    assert.equal((await send(hook, { headers })).status, 202);
  });
});

describe("the limit of a service", () => {
  test("answers 429 with Retry-After to more authentic webhooks than it allows", async (context) => {
    const hook = await start(context, "{ perService: 2 }");
    assert.deepEqual(await statuses(3, () => send(hook)), [202, 202, 429]);
    const answer = await send(hook, { address: "192.0.2.99" });
    assert.equal(answer.status, 429);
    assert.ok(Number(answer.headers.get("retry-after")) >= 1);
    assert.equal((await send(hook, { service: "site" })).status, 202);
  });

  test("cannot be used up by who has no secret", async (context) => {
    const hook = await start(context, "{ perService: 1 }");
    await statuses(5, () => send(hook, { secret: "wrong-secret-0123456789" }));
    assert.equal((await send(hook)).status, 202);
  });

  test("cannot be used up by who knows the URL and cannot sign", async (context) => {
    const hook = await start(context, "{ perService: 1 }", "webhook: { signing: [signing-key-0123456789] }");
    assert.deepEqual(await statuses(3, () => send(hook)), [401, 401, 401]);
    const headers = { authorization: "Bearer signing-key-0123456789" };
    assert.equal((await send(hook, { headers })).status, 202);
    assert.equal((await send(hook, { headers })).status, 429);
  });

  test("is generous where the config says nothing: the 21 deliveries of one GitLab push are nothing", async (context) => {
    const hook = await start(context, "{}");
    assert.deepEqual(new Set(await statuses(60, () => send(hook))), new Set([202]));
  });
});

describe("the limit of an address that tries tokens", () => {
  const ask = (hook: TestHook, path: string, token: string) =>
    fetch(`${hook.origin}${path}`, {
      headers: { authorization: `Bearer ${token}`, "x-forwarded-for": "192.0.2.1" },
    });

  test("holds for the API, and not for who has one", async (context) => {
    const hook = await start(context, "{ perAddress: 2 }");
    const guess = () => ask(hook, "/api/services", "wrong-token-0123456789");
    assert.deepEqual(await statuses(3, guess), [401, 401, 429]);
    assert.ok(Number((await guess()).headers.get("retry-after")) >= 1);
    assert.equal((await ask(hook, "/api/services", apiToken)).status, 200);
  });

  test("holds for metrics that have a token", async (context) => {
    const hook = await start(context, "{ perAddress: 2 }\nmetrics: { token: metrics-token-0123456789 }");
    const guess = () => ask(hook, "/metrics", "wrong-token-0123456789");
    assert.deepEqual(await statuses(3, guess), [401, 401, 429]);
    assert.equal((await ask(hook, "/metrics", "metrics-token-0123456789")).status, 200);
  });
});
