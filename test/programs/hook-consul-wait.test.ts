/** The Consul target's `wait` and `lock`, with a real agent. */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConsulAgent, findConsul, startConsul } from "../support/consul.ts";
import { configOf, startHook, type TestHook, until } from "../support/hook.ts";

const consul = await findConsul();
const skip = "reason" in consul ? consul.reason : false;
const program = "program" in consul ? consul : { program: "" };

// The hook fills it in, not JavaScript.
const byTag = ["version-$", "{tag}"].join("");

describe("the Consul target, with a real agent", { skip }, () => {
  let agent: ConsulAgent;
  let site: Server;
  let status = 200;
  const hooks: TestHook[] = [];
  before(async () => {
    agent = await startConsul(program);
    site = createServer((_, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  });
  after(async () => {
    site?.close();
    await agent?.stop();
  });
  afterEach(async () => {
    status = 200;
    for (const hook of hooks.splice(0)) await hook.stop();
  });

  async function put(path: string, body?: object): Promise<unknown> {
    const answer = await fetch(`${agent.address}/v1/${path}`, {
      method: "PUT",
      body: JSON.stringify(body ?? {}),
    });
    assert.ok(answer.ok, `${path}: ${answer.status}`);
    const text = await answer.text();
    return text === "" ? undefined : JSON.parse(text);
  }

  /** An instance as an orchestrator registers it, with a check that Consul makes by itself. */
  async function register(service: string, number: number, tag: string): Promise<void> {
    const { port } = site.address() as AddressInfo;
    await put("agent/service/register", {
      ID: `${service}-${number}`,
      Name: service,
      Tags: [`version-${tag}`],
      Meta: { version: tag },
      Check: { HTTP: `http://127.0.0.1:${port}/`, Interval: "200ms", Name: "page" },
    });
  }

  async function start(service: string, options: object = {}): Promise<TestHook> {
    const target = { address: agent.address, key: `wait/${service}`, ...options };
    const hook = await startHook(
      configOf({ blog: `${JSON.stringify({ consul: target })}\n    retry: { attempts: 1 }` }),
    );
    hooks.push(hook);
    return hook;
  }

  const waitBy = (service: string, by: object) => ({
    wait: { service, timeout: "15s", stable: "200ms", ...by },
  });

  for (const [what, by] of [
    ["a tag", { tag: byTag }],
    ["its meta", { meta: "version" }],
  ] as const) {
    test(`waits until every instance has the release, told by ${what}, and passes its checks`, async () => {
      const service = `rolled-${Object.keys(by)[0]}`;
      await register(service, 1, "v1");
      await register(service, 2, "v1");
      const hook = await start(service, waitBy(service, by));
      await hook.push("v2");
      await until("the key is written", async () => (await agent.read(`wait/${service}`)) === "v2");
      await sleep(300);
      assert.equal(hook.store.find(1)?.state, "deploying");
      await register(service, 1, "v2");
      await until("one has it", () => hook.logOf(1).includes("1 of 2 instances"));
      assert.equal(hook.store.find(1)?.state, "deploying");
      await register(service, 2, "v2");
      const ended = await hook.untilEnded(1);
      assert.equal(ended.state, "succeeded", ended.reason ?? "");
      assert.match(
        ended.reason ?? "",
        new RegExp(
          `wait/${service} is now v2; 2 of 2 instances of ${service} have v2 and are healthy after `,
        ),
      );
    });
  }

  test("an instance that fails its check is no success: the old tag is written again, and waited for", async () => {
    const service = "failing";
    await register(service, 1, "v1");
    const hook = await start(service, { wait: { service, meta: "version", stable: "2s", timeout: "5s" } });
    await hook.push("v1");
    assert.equal((await hook.untilEnded(1)).state, "succeeded");
    await hook.push("v2");
    await until("the key is written", async () => (await agent.read(`wait/${service}`)) === "v2");
    status = 500;
    await register(service, 1, "v2");
    await until("the old tag is back", async () => (await agent.read(`wait/${service}`)) === "v1");
    status = 200;
    await register(service, 1, "v1");
    const ended = await hook.untilEnded(2);
    assert.equal(ended.state, "rolled-back", ended.reason ?? "");
    assert.match(
      ended.reason ?? "",
      /is now v2, but after 5 s 0 of 1 instances of failing have v2 and are healthy \(failing-1: page is critical\)/,
    );
  });

  test("without an instance there is no health: it says so, and does not call it a success", async () => {
    const hook = await start("nobody", { wait: { service: "nobody", tag: byTag, timeout: "1s" } });
    await hook.push("v1");
    const ended = await hook.untilEnded(1);
    assert.equal(ended.state, "failed");
    assert.match(ended.reason ?? "", /after 1 s 0 of 1 instances of nobody have v1/);
  });

  test("of two hooks with a lock, one waits until the other's release is healthy", async () => {
    const service = "locked";
    await register(service, 1, "v1");
    const options = { ...waitBy(service, { meta: "version" }), lock: {} };
    const [first, second] = [await start(service, options), await start(service, options)];
    await first.push("v2");
    await until("the key is written", async () => (await agent.read(`wait/${service}`)) === "v2");
    await second.push("v3");
    await until("the other waits", () =>
      second.logOf(1).includes(`waiting for the lock wait/${service}.lock, which {"host"`),
    );
    await sleep(300);
    assert.equal(await agent.read(`wait/${service}`), "v2");
    await register(service, 1, "v2");
    assert.equal((await first.untilEnded(1)).state, "succeeded");
    await until("the key is written", async () => (await agent.read(`wait/${service}`)) === "v3");
    await register(service, 1, "v3");
    assert.equal((await second.untilEnded(1)).state, "succeeded");
    assert.deepEqual(await (await fetch(`${agent.address}/v1/session/list`)).json(), []);
  });

  test("a lock that is not to be had is worth another try, and nothing is written", async () => {
    const { ID } = (await put("session/create", { TTL: "60s" })) as { ID: string };
    await put(`kv/wait/held.lock?acquire=${ID}`, { who: "a person" });
    const hook = await start("held", { lock: { timeout: "1s" } });
    const sinceMs = performance.now();
    await hook.push("v1");
    const ended = await hook.untilEnded(1);
    assert.match(
      ended.reason ?? "",
      /the lock wait\/held\.lock was not to be had within 1 s: \{"who":"a person"\} has it/,
    );
    assert.ok(performance.now() - sinceMs < 20_000, "it waited for longer than it was told to");
    assert.equal(await agent.read("wait/held"), undefined);
    await put(`session/destroy/${ID}`);
  });

  test("a lock that is lost in the middle ends the deployment: another hook may be at work", async () => {
    await register("lost", 1, "v1");
    const hook = await start("lost", { ...waitBy("lost", { meta: "version" }), lock: { ttl: "10s" } });
    await hook.push("v2");
    await until("the key is written", async () => (await agent.read("wait/lost")) === "v2");
    const [session] = (await (await fetch(`${agent.address}/v1/session/list`)).json()) as { ID: string }[];
    await put(`session/destroy/${session?.ID}`);
    // A third of its life later at the latest.
    const ended = await hook.untilEnded(1);
    assert.equal(ended.state, "failed");
    assert.match(ended.reason ?? "", /the lock wait\/lost\.lock was lost in the middle/);
  });
});
