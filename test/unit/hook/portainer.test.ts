import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import type { Deployment } from "../../../hook/store/deployment.ts";
import { configOf, startHook } from "../../support/hook.ts";
import { type Portainer, startPortainer } from "../../support/portainer.ts";

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
  const hook = await startHook(configOf({ blog: JSON.stringify({ portainer: options }) }));
  await hook.push(tag);
  const ended = { ...(await hook.untilEnded(1)), log: hook.logOf(1) };
  await hook.stop();
  return { ...ended, hookLog: hook.log() };
}

function addService(more = {}): { image: string; updates: number } {
  const service = { image: "stut/blog:v1@sha256:0123", updates: 0, ...more };
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
    assert.match(reason ?? "", /^Portainer at http:\/\/127\.0\.0\.1:\d+ failed \(502\)$/);
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
