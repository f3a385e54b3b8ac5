/** A composed stack of Portainer's whose update is disturbed; what every single call may come to is swept elsewhere. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CallSeen, type Fault, startFaultProxy } from "../support/fault-proxy.ts";
import { configOf, startHook } from "../support/hook.ts";
import { startPortainer } from "../support/portainer.ts";
import type { ManagedStack } from "../support/portainer-engine.ts";

const apiKey = "ptr_0123456789abcdefghijklmnopqrstuvwxyz";
const endpoint = 2;

interface Played {
  stack: ManagedStack;
  /** In the order in which the hook has called. */
  calls: readonly CallSeen[];
  /** Nothing listens at Portainer's address any more. */
  close(): void;
  /** Portainer has no such stack any more. */
  remove(): void;
}

/** A deployment of v2 after one of v1, in which `disturb` is told of every call before Portainer is. */
async function deploy(
  { attempts = 1, Status = 1, timeout = "60s" }: { attempts?: number; Status?: number; timeout?: string },
  disturb: (call: CallSeen, played: Played) => Fault | undefined,
) {
  const stack: ManagedStack = {
    Id: 7,
    Name: "site",
    Type: 2,
    EndpointId: endpoint,
    Env: [{ name: "TAG", value: "v0" }],
    Status: 1,
    file: "services: {}\n",
    deployments: 0,
  };
  const stacks = new Map([[stack.Id, stack]]);
  const engine = { host: "unix:///nowhere" };
  const managed = { engine, endpoint, webhooks: new Map(), stacks, registries: new Map() };
  const portainer = await startPortainer({ managed, apiKey });
  const proxy = await startFaultProxy(portainer.origin);
  let stopped: Promise<void> | undefined;
  const played: Played = {
    stack,
    calls: proxy.calls,
    close: () => {
      stopped ??= proxy.stop();
    },
    remove: () => void stacks.delete(stack.Id),
  };
  const options = { url: proxy.address, apiKey, endpoint, stack: "site", variable: "TAG", timeout };
  const retry = `retry: { attempts: ${attempts}, first: 20ms }`;
  const hook = await startHook(configOf({ blog: `${JSON.stringify({ portainer: options })}\n    ${retry}` }));
  try {
    await hook.push("v1");
    assert.equal((await hook.untilEnded(1)).state, "succeeded");
    proxy.heal();
    stack.Status = Status;
    proxy.fail = (call) => disturb(call, played);
    await hook.push("v2");
    const { state, reason } = await hook.untilEnded(2);
    return { state, reason: reason ?? "", value: stack.Env?.[0]?.value, calls: [...proxy.calls] };
  } finally {
    await hook.stop();
    played.close();
    await stopped;
    await portainer.stop();
  }
}

const isUpdate = ({ method }: CallSeen) => method === "PUT";
/** The first question after the update. */
const isAfter = (call: CallSeen, { calls }: Played) => calls.some(isUpdate) && !isUpdate(call);

describe("a stack of Portainer's", { concurrency: true }, () => {
  test("is updated once another deployment of it is over", async () => {
    const { state, reason, value, calls } = await deploy({ Status: 3, attempts: 20 }, (call, played) => {
      // It ends while the hook waits for its next try.
      if (played.calls.filter(isUpdate).length === 1 && !isUpdate(call)) played.stack.Status = 1;
      return undefined;
    });
    assert.deepEqual([state, value], ["succeeded", "v2"], reason);
    assert.equal(calls.filter(isUpdate).length, 2);
  });

  test("that is at work on something else for good is left as it is", async () => {
    const { state, reason, value } = await deploy({ Status: 3 }, () => undefined);
    assert.deepEqual([state, value], ["failed", "v1"]);
    assert.match(reason, /Stack deployment is already in progress.*; v1 goes on serving$/);
  });

  test("is asked for its update again when a proxy in between has not waited for the answer", async () => {
    const { state, reason, value, calls } = await deploy({ attempts: 3 }, (call, { calls: seen }) =>
      isUpdate(call) && seen.filter(isUpdate).length === 1 ? "error 504" : undefined,
    );
    assert.deepEqual([state, value], ["succeeded", "v2"], reason);
    assert.equal(calls.filter(isUpdate).length, 2);
  });

  const losses: [what: string, lose: (played: Played) => void, expected: RegExp][] = [
    ["nobody answers for it any more", ({ close }) => close(), /nothing listens/],
    ["it is not there any more", ({ remove }) => remove(), /refused to describe the stack 7 \(404/],
  ];
  for (const [what, lose, expected] of losses) {
    for (const isLost of [false, true]) {
      const taken = isLost ? "did not answer its update" : "took the update";
      test(`is not said to be as it was when ${what} after it ${taken}`, async () => {
        // It asks until its time is over: enough for the deployment before it, on a slow machine too.
        const { state, reason } = await deploy({ timeout: "8s" }, (call, played) => {
          if (isAfter(call, played)) lose(played);
          return isUpdate(call) && isLost ? "answer lost" : undefined;
        });
        assert.equal(state, "failed");
        // What was asked afterwards tells nothing of an update of which nothing is known.
        assert.match(reason, isLost ? /ECONNRESET/ : expected);
        assert.match(reason, /whether the engine has taken v2 is not known/);
        assert.doesNotMatch(reason, /goes on serving/);
      });
    }
  }
});
