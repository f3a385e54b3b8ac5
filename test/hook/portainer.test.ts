import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import type { Deployment } from "../../hook/store/deployment.ts";
import { configOf, readConfig, startHook, until } from "../support/hook.ts";
import { type Portainer, type SwarmService, startPortainer } from "../support/portainer.ts";

let portainer: Portainer;
before(async () => {
  portainer = await startPortainer();
});
after(() => portainer.stop());

const token = "4c6d0b1e-90ad-4d9e-a5d3-2f3f0ad0c1aa";
const webhook = (path: string) => `${portainer.origin}/api/${path}/${token}`;

interface Ended extends Deployment {
  log: string;
  hookLog: string;
}

/** One deployment from webhook to outcome. */
async function deploy(options: Readonly<Record<string, unknown>>, tag = "v2"): Promise<Ended> {
  const target = `${JSON.stringify({ portainer: options })}\n    retry: { attempts: 1 }`;
  const hook = await startHook(configOf({ blog: target }));
  await hook.push(tag);
  const ended = { ...(await hook.untilEnded(1)), log: hook.logOf(1) };
  await hook.stop();
  return { ...ended, hookLog: hook.log() };
}

function addService(more: Partial<SwarmService> = {}): SwarmService {
  const service: SwarmService = { image: "stut/blog:v1@sha256:0123", updates: 0, ...more };
  portainer.services.set(token, service);
  portainer.requests.length = 0;
  return service;
}

describe("Portainer's service webhook", () => {
  test("is called with the tag, and changes the service's image", async () => {
    const service = addService();
    const { state, reason } = await deploy({ serviceWebhook: webhook("webhooks") });
    assert.deepEqual(
      [state, reason],
      ["succeeded", "Portainer took the tag v2 (204); it does not tell how it went on"],
    );
    assert.deepEqual(portainer.requests, [`POST /api/webhooks/${token}?tag=v2`]);
    assert.deepEqual(service, { image: "stut/blog:v2", updates: 1 });
  });

  test("keeps what else its URL asks for", async () => {
    addService();
    await deploy({ serviceWebhook: `${webhook("webhooks")}?x=1` });
    assert.deepEqual(portainer.requests, [`POST /api/webhooks/${token}?x=1&tag=v2`]);
  });

  test("is never shown: not in the log, the history or the reason", async () => {
    addService();
    const ended = await deploy({ serviceWebhook: webhook("webhooks") });
    assert.doesNotMatch(JSON.stringify(ended), new RegExp(token));
  });

  test("that is unknown fails with where to get it", async () => {
    portainer.services.clear();
    const { state, reason } = await deploy({ serviceWebhook: webhook("webhooks") });
    assert.equal(state, "failed");
    assert.match(
      reason ?? "",
      /does not know this webhook \(404: Unable to find a webhook with this token; Object not found/,
    );
  });

  test("fails as such when the tag cannot be pulled", async () => {
    const service = addService({ tags: ["v1"] });
    const { reason } = await deploy({ serviceWebhook: webhook("webhooks") });
    assert.match(
      reason ?? "",
      /could not pull the tag v2 \(404: Error pulling image.*manifest unknown\): is it pushed\?/,
    );
    assert.equal(service.updates, 0);
  });

  test("fails with what Docker said when the update is refused", async () => {
    addService({ updateError: "Error response from daemon: rpc error: update out of sequence" });
    const { reason } = await deploy({ serviceWebhook: webhook("webhooks") });
    assert.match(
      reason ?? "",
      /failed \(500: Error updating service; Error response from daemon.*out of sequence\)/,
    );
  });
});

describe("Portainer's stack webhook", () => {
  test("is called without a tag: git has it", async () => {
    for (const [answersJson, status] of [
      [false, 204],
      [true, 202],
    ] as const) {
      const stack = { redeployments: 0, answersJson };
      portainer.stacks.set(token, stack);
      portainer.requests.length = 0;
      const { state, reason, log } = await deploy({ stackWebhook: webhook("stacks/webhooks") });
      assert.deepEqual([state, stack.redeployments], ["succeeded", 1]);
      assert.match(reason ?? "", new RegExp(`took the stack's update \\(${status}\\)`));
      assert.match(log, /the stack as it is in git/);
      assert.deepEqual(portainer.requests, [`POST /api/stacks/webhooks/${token}`]);
    }
  });

  test("has no tag to go back to, and says where to do that", async () => {
    portainer.stacks.set(token, { redeployments: 0 });
    let status = 200;
    const site = createServer((_request, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
    const { port } = site.address() as AddressInfo;
    const target = JSON.stringify({ portainer: { stackWebhook: webhook("stacks/webhooks") } });
    const verify = `{ url: "http://127.0.0.1:${port}/", every: 10ms, timeout: 500ms }`;
    const hook = await startHook(configOf({ blog: `${target}\n    verify: ${verify}` }));
    await hook.push("v1");
    assert.equal((await hook.untilEnded(1)).state, "succeeded");
    status = 500;
    await hook.push("v2");
    const { state, reason } = await hook.untilEnded(2);
    assert.equal(state, "failed");
    assert.match(
      reason ?? "",
      /going back to v1 failed as well: a stack's webhook deploys what git has: put v1 back/,
    );
    assert.equal(portainer.stacks.get(token)?.redeployments, 2);
    await hook.stop();
    site.closeAllConnections();
    await new Promise((resolve) => site.close(resolve));
  });

  const refusals: [what: string, path: string, stack: object | undefined, expected: RegExp][] = [
    ["is unknown", token, undefined, /does not know this webhook \(404: Unable to find the stack/],
    ["is no UUID", "4c6d", undefined, /refused the webhook's URL \(400: Invalid webhook identifier/],
    ["has lost its author", token, { hasNoAuthor: true }, /cannot update the stack now \(409: Autoupdate/],
    [
      "is deploying already",
      token,
      { isDeploying: true },
      /\(409: Unable to update stack; Stack deployment is already/,
    ],
  ];
  for (const [what, id, stack, expected] of refusals) {
    test(`fails when it ${what}`, async () => {
      portainer.stacks.clear();
      if (stack !== undefined) portainer.stacks.set(token, { redeployments: 0, ...stack });
      const { state, reason } = await deploy({
        stackWebhook: `${portainer.origin}/api/stacks/webhooks/${id}`,
      });
      assert.equal(state, "failed");
      assert.match(reason ?? "", expected);
    });
  }
});

describe("a Portainer that `hook check` asks", () => {
  function check(serviceWebhook: string) {
    const config = readConfig(
      configOf({ blog: JSON.stringify({ portainer: { serviceWebhook } }) }),
      "/nowhere",
    );
    return config.services.get("blog")?.target.check?.({ signal: AbortSignal.timeout(60_000) });
  }

  test("says that it is there, and its webhook is not called", async () => {
    const service = addService();
    const result = await check(webhook("webhooks"));
    const detail = `Portainer 2.27.3 answers at ${portainer.origin}; its webhook was not called`;
    assert.deepEqual(result, { ok: true, detail });
    assert.deepEqual([service.updates, portainer.requests], [0, ["GET /api/system/status"]]);
  });

  test("is looked for under the path that its webhook has", async () => {
    portainer.requests.length = 0;
    const result = await check(`${portainer.origin}/tools/portainer/api/webhooks/${token}`);
    assert.deepEqual(portainer.requests, ["GET /tools/portainer/api/system/status"]);
    const problem = `what answers at ${portainer.origin} is not Portainer (404 for its status)`;
    assert.deepEqual(result, { ok: false, problem });
  });

  test("is said not to be there when nothing listens", async () => {
    const gone = await startPortainer();
    await gone.stop();
    const result = await check(`${gone.origin}/api/webhooks/${token}`);
    assert.ok(
      result?.ok === false && /nothing listens at .*: is Portainer running there\?$/.test(result.problem),
    );
  });
});

describe("a deployment by Portainer", () => {
  const withRetry = (target: object, more = "") =>
    configOf({
      blog: `${JSON.stringify({ portainer: target })}\n    retry: { first: 10ms, maximum: 20ms${more} }`,
    });

  test("is tried again while Portainer is not well, and every try is in its history", async () => {
    const service = addService({ updateError: "Error response from daemon: context deadline exceeded" });
    // Long enough for Portainer to be well again before the second try.
    const yaml = withRetry({ serviceWebhook: webhook("webhooks") })
      .replace("10ms", "1s")
      .replace("20ms", "1s");
    const hook = await startHook(yaml);
    await hook.push("v2");
    await until("it waits", () => hook.store.find(1)?.waitingFor === "retry");
    delete service.updateError;
    const { state, retries } = await hook.untilEnded(1);
    assert.deepEqual([state, service.image, retries], ["succeeded", "stut/blog:v2", 1]);
    const states = hook.store.listTransitions(1).map((one) => one.state);
    assert.deepEqual(states, ["accepted", "waiting", "deploying", "waiting", "deploying", "succeeded"]);
    await hook.stop();
  });

  test("is given up after as many tries as the config says", async () => {
    addService({ updateError: "Error response from daemon: context deadline exceeded" });
    const hook = await startHook(withRetry({ serviceWebhook: webhook("webhooks") }, ", attempts: 2"));
    await hook.push("v2");
    const { state, reason } = await hook.untilEnded(1);
    assert.equal(state, "failed");
    assert.match(
      reason ?? "",
      /context deadline exceeded\) \(given up after 2 tries\); whether the engine has taken v2 is not known: look there$/,
    );
    assert.equal(portainer.requests.length, 2);
    await hook.stop();
  });

  test("is given up when its time is over", async () => {
    addService({ updateError: "Error response from daemon: context deadline exceeded" });
    const yaml = withRetry({ serviceWebhook: webhook("webhooks") })
      .replace("10ms", "5m")
      .replace("20ms", "5m");
    const hook = await startHook(`${yaml}    deadline: 1s\n`);
    await hook.push("v2");
    assert.equal((await hook.untilEnded(1)).state, "failed");
    await hook.stop();
  });

  test("is not tried again when Portainer says that it never will, and says what goes on serving", async () => {
    addService();
    const hook = await startHook(withRetry({ serviceWebhook: webhook("webhooks") }));
    await hook.push("v1");
    await hook.untilEnded(1);
    portainer.services.clear();
    await hook.push("v2");
    const { state, reason } = await hook.untilEnded(2);
    assert.equal(state, "failed");
    assert.match(reason ?? "", /copy its URL from Portainer again; v1 goes on serving$/);
    assert.equal(portainer.requests.length, 2);
    await hook.stop();
  });

  test("makes way for a newer release while it waits for another try", async () => {
    const service = addService({ updateError: "Error response from daemon: context deadline exceeded" });
    const hook = await startHook(
      withRetry({ serviceWebhook: webhook("webhooks") })
        .replace("10ms", "5m")
        .replace("20ms", "5m"),
    );
    await hook.push("v2");
    await until("it waits", () => hook.store.find(1)?.waitingFor === "retry");
    delete service.updateError;
    await hook.push("v3");
    assert.equal((await hook.untilEnded(2)).state, "succeeded");
    assert.deepEqual([hook.store.find(1)?.state, service.image], ["superseded", "stut/blog:v3"]);
    await hook.stop();
  });
});

describe("a Portainer that is not as it should be", () => {
  /** A server that is no Portainer, for one deployment. */
  async function deployTo(answer: RequestListener, timeout = "5s"): Promise<Ended> {
    const server = createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const ended = await deploy({ serviceWebhook: `http://127.0.0.1:${port}/api/webhooks/${token}`, timeout });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    return ended;
  }

  test("is not followed when it redirects", async () => {
    let requests = 0;
    const { state, reason } = await deployTo((_request, response) => {
      requests += 1;
      response.writeHead(302, { location: `${portainer.origin}/api/webhooks/${token}` }).end();
    });
    assert.deepEqual([state, requests], ["failed", 1]);
    assert.match(reason ?? "", /redirects to http:\/\/127\.0\.0\.1:\d+ \(302\), which is not followed/);
    assert.doesNotMatch(reason ?? "", new RegExp(token));
  });

  test("is given its time limit and no more", async () => {
    const { reason } = await deployTo(() => {}, "1s");
    assert.match(reason ?? "", /did not answer in time \(time limit 1 s\)/);
  });

  test("may answer a page instead of JSON, and one of any size", async () => {
    const { reason } = await deployTo((_request, response) => {
      response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad Gateway</h1>".repeat(100_000));
    });
    assert.match(
      reason ?? "",
      /^Portainer at http:\/\/127\.0\.0\.1:\d+ failed \(502\); whether the engine has taken v2 is not known: look there$/,
    );
  });

  test("is said not to be there when nothing listens", async () => {
    const gone = await startPortainer();
    await gone.stop();
    const { reason } = await deploy({ serviceWebhook: `${gone.origin}/api/webhooks/${token}` });
    assert.match(reason ?? "", /nothing listens at http:\/\/127\.0\.0\.1:\d+: is Portainer running there\?/);
  });

  test("is said to speak no TLS when it does not", async () => {
    const { reason } = await deploy({ serviceWebhook: webhook("webhooks").replace("http:", "https:") });
    assert.match(reason ?? "", /does not speak TLS: should the address be http\?/);
  });
});
