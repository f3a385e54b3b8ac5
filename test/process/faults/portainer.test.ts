/** Every call that the Portainer target makes goes wrong in every way: of its webhook, and for a stack that is composed. */
import { describe, test } from "node:test";
import { judgeSweep, type Place, type Swept, sweepFaults } from "../../support/fault-sweep.ts";
import { startPortainer } from "../../support/portainer.ts";
import type { ManagedStack } from "../../support/portainer-engine.ts";

const token = "4c6d0b1e-90ad-4d9e-a5d3-2f3f0ad0c1aa";

async function start(service: string): Promise<Place> {
  const portainer = await startPortainer();
  const played = { image: `stut/${service}:v0`, updates: 0 };
  portainer.services.set(token, played);
  return {
    engine: portainer.origin,
    target: (address, timeout) => ({
      portainer: { serviceWebhook: `${address}/api/webhooks/${token}`, timeout },
    }),
    read: async () => played.image.split(":").at(-1),
    stop: () => portainer.stop(),
  };
}

/** Portainer may be at work on what it has not answered: it is not asked a second time, and nobody is told a guess. */
function isLeftAlone({ fault, ended }: Swept): boolean {
  return (
    (fault === "no answer" || fault === "answer late") &&
    ended.state === "failed" &&
    /did not answer in time/.test(ended.reason ?? "")
  );
}

test("Portainer away, slow or answering garbage at its webhook keeps no release from arriving, and nothing untrue is said", async () => {
  judgeSweep(await sweepFaults({ start }), isLeftAlone);
});

const apiKey = "ptr_0123456789abcdefghijklmnopqrstuvwxyz";
const endpoint = 2;

async function startStack(isAsynchronous: boolean): Promise<Place> {
  const stack: ManagedStack = {
    Id: 7,
    Name: "site",
    // Composed: Portainer does not tell how it went on, so no Engine is asked.
    Type: 2,
    EndpointId: endpoint,
    Env: [{ name: "TAG", value: "v0" }],
    Status: 1,
    file: "services: {}\n",
    isAsynchronous,
    deployments: 0,
  };
  const managed = {
    engine: { host: "unix:///nowhere" },
    endpoint,
    webhooks: new Map(),
    stacks: new Map([[stack.Id, stack]]),
    registries: new Map(),
  };
  const portainer = await startPortainer({ managed, apiKey });
  return {
    engine: portainer.origin,
    target: (url, timeout) => ({
      portainer: { url, apiKey, endpoint, stack: stack.Name, variable: "TAG", timeout },
    }),
    read: async () => stack.Env?.[0]?.value,
    stop: () => portainer.stop(),
  };
}

/** A stack that Portainer itself says it could not deploy is put back, and so is one of which nothing is heard in time. */
function isPutBack({ fault, call, ended }: Swept): boolean {
  const isSaid = ["error 500", "no answer", "answer late"].includes(fault);
  return isSaid && call.startsWith("PUT") && ended.state === "rolled-back";
}

describe("Portainer", { concurrency: true }, () => {
  for (const isAsynchronous of [false, true]) {
    const when = isAsynchronous ? "answers before it deploys" : "answers when it has deployed";
    test(`that ${when}, away, slow or answering garbage at any call for a stack, keeps no release from arriving, and nothing untrue is said`, async () => {
      judgeSweep(await sweepFaults({ start: () => startStack(isAsynchronous) }), isPutBack);
    });
  }
});
