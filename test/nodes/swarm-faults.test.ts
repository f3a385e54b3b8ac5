/**
 * Calls of a real swarm's manager go wrong, asked directly and through Portainer: what is said of a service is so, it
 * serves, and the next deployment finishes the work. A swarm is too slow for all that can go wrong at every call: the
 * update has everything that can happen to it, and the first question of each kind, before it and after, has one fault.
 */
import { after, before, describe, test } from "node:test";
import type { Fault } from "../support/fault-proxy.ts";
import {
  type Chosen,
  judgeSweep,
  type Place,
  ranOutOfTime,
  type Swept,
  sweepFaults,
} from "../support/fault-sweep.ts";
import { type Portainer, startPortainer } from "../support/portainer.ts";
import type { ManagedStack } from "../support/portainer-engine.ts";
import { anyPort, listPlaces, readPage, startSwarm, swarmMissing, type TestSwarm } from "../support/swarm.ts";

const apiKey = "ptr_0123456789abcdefghijklmnopqrstuvwxyz";
const endpoint = 2;
/** What is tried of a call that changes something. */
const ofChange: readonly Fault[] = [
  "reset",
  "answer lost",
  "answer late",
  "error 500",
  "garbage",
  "cut short",
];

/** Of a service whose tag stays: each release is pushed under it. */
const movingTag = "stable";

/** As `docker stack deploy` takes it; the network is there, so that a stack need not have one of its own. */
const stackFile = (image: string) => `version: "3.7"
services:
  www:
    image: ${image}:\${TAG}
    networks: [shared]
    ports:
      - { target: 3000, mode: host }
    healthcheck: { disable: true }
    deploy:
      endpoint_mode: dnsrr
      update_config: { order: start-first, failure_action: rollback, monitor: 500ms }
      rollback_config: { order: start-first, monitor: 500ms }
      restart_policy: { delay: 500ms }
networks:
  shared:
    external: true
`;

describe("a swarm", { skip: swarmMissing }, () => {
  let swarm: TestSwarm;
  let portainer: Portainer;
  /** By their digests. */
  const releases = new Map<string, string>();
  const stacks = new Map<number, ManagedStack>();
  before(async () => {
    swarm = await startSwarm();
    for (const tag of ["v1", "v2", "v3"]) releases.set(await swarm.push(tag), tag);
    await swarm.manager.run("network", "create", "--driver", "overlay", "shared");
    const managed = { engine: swarm.manager, endpoint, webhooks: new Map(), stacks, registries: new Map() };
    portainer = await startPortainer({ managed, apiKey });
  });
  after(async () => {
    await portainer?.stop();
    await swarm?.stop();
  });

  async function releaseOf(service: string): Promise<string | undefined> {
    const image = await swarm.inspect<string>(service, ".Spec.TaskTemplate.ContainerSpec.Image");
    const [tagged, digest = ""] = image.split("@");
    return releases.get(digest) ?? tagged?.split(":").at(-1);
  }

  async function releaseAtRest(service: string): Promise<string | undefined> {
    const places = await listPlaces(swarm, service);
    const pages = await Promise.all(places.map(readPage));
    const release = await releaseOf(service);
    return pages.join() === release ? release : `${release}, and serves ${pages.join() || "nothing"}`;
  }

  async function startService(name: string, tag = "v1"): Promise<Omit<Place, "engine" | "target">> {
    const options = ["--no-healthcheck", "--update-monitor", "500ms", ...anyPort];
    const [first] = releases.keys();
    await swarm.createService(name, options, `${swarm.image}:${tag}@${first}`);
    return {
      image: () => swarm.image,
      read: () => releaseOf(name),
      readAtRest: () => releaseAtRest(name),
      async stop() {
        await swarm.manager.run("service", "rm", name);
      },
    };
  }

  /** A stack of one service; its first deployment is the one that begins it. */
  function startStack(Name: string, isAsynchronous: boolean): Omit<Place, "engine" | "target"> {
    const stack: ManagedStack = {
      Id: stacks.size + 1,
      Name,
      Type: 1,
      EndpointId: endpoint,
      Env: [{ name: "TAG", value: "v1" }],
      Status: 1,
      file: stackFile(swarm.image),
      isAsynchronous,
      deployments: 0,
    };
    stacks.set(stack.Id, stack);
    const service = `${Name}_www`;
    const withVariable = (release: string | undefined) => {
      const value = stack.Env?.[0]?.value;
      return release === value ? release : `${release}, and the variable ${value}`;
    };
    return {
      image: () => swarm.image,
      read: async () => withVariable(await releaseOf(service)),
      readAtRest: async () => withVariable(await releaseAtRest(service)),
      async stop() {
        await swarm.manager.run("stack", "rm", Name);
      },
    };
  }

  // A task takes some seconds to be replaced on a machine that is at work on others, and a question has a quarter.
  const timeOf = (timeout: string) => (timeout === "2s" ? "10s" : timeout);

  test("away, slow or answering garbage keeps no release from arriving, and nothing untrue is said", async () => {
    const start = async (service: string): Promise<Place> => ({
      ...(await startService(service)),
      engine: swarm.manager.host,
      target: (engine, timeout) => ({
        swarm: { engine, service, monitor: "0s", timeout: timeOf(timeout) },
      }),
    });
    const choose = createChoice(ofChange);
    judgeSweep(await sweepFaults({ start, choose }), isGivenUp);
  });

  test("behind a Portainer that is away, slow or answers garbage keeps no release from arriving, and nothing untrue is said", async () => {
    const start = async (service: string): Promise<Place> => ({
      ...(await startService(`through-${service}`)),
      engine: portainer.origin,
      target: (url, timeout) => ({
        portainer: {
          url,
          apiKey,
          endpoint,
          service: `through-${service}`,
          monitor: "0s",
          timeout: timeOf(timeout),
        },
      }),
    });
    judgeSweep(await sweepFaults({ start, choose: createChoice(["answer lost", "garbage"]) }), isGivenUp);
  });

  test("whose tasks Portainer is to replace by `force`, away, slow or answering garbage, keeps no release from arriving, and nothing untrue is said", async () => {
    const start = async (service: string): Promise<Place> => ({
      ...(await startService(`forced-${service}`, movingTag)),
      engine: portainer.origin,
      target: (url, timeout) => ({
        portainer: {
          url,
          apiKey,
          endpoint,
          service: `forced-${service}`,
          force: true,
          monitor: "0s",
          timeout: timeOf(timeout),
        },
      }),
      // The same tag with other content is no duplicate.
      more: () => "dedupe: 0s",
      async publish(page) {
        await swarm.push(movingTag, { page });
        return movingTag;
      },
    });
    const choose = createChoice([...ofChange, "truncated"], ["answer lost"]);
    judgeSweep(await sweepFaults({ start, choose }), isGivenUp);
  });

  const variants: [when: string, isAsynchronous: boolean, faults: readonly Fault[]][] = [
    ["answers when it has deployed", false, [...ofChange, "truncated"]],
    ["answers before it deploys", true, ["answer lost", "garbage"]],
  ];
  for (const [when, isAsynchronous, ofUpdate] of variants) {
    test(`with a stack of a Portainer that ${when}, away, slow or answering garbage, keeps no release from arriving, and nothing untrue is said`, async () => {
      const start = async (service: string): Promise<Place> => {
        const stack = `stack-${stacks.size}-${service}`;
        return {
          ...startStack(stack, isAsynchronous),
          engine: portainer.origin,
          target: (url, timeout) => ({
            portainer: { url, apiKey, endpoint, stack, variable: "TAG", timeout: timeOf(timeout) },
          }),
        };
      };
      const choose = createChoice(ofUpdate, ["answer lost"]);
      judgeSweep(await sweepFaults({ start, choose }), (one) => isGivenUp(one) || isPutBack(one));
    });
  }
});

function createChoice(
  ofUpdate: readonly Fault[],
  ofUpdateForGood: readonly Fault[] = [],
): (chosen: Chosen) => boolean {
  const kinds = new Map<string, number>();
  const ofQuestions: readonly Fault[] = ["reset", "error 500", "garbage", "truncated", "no answer"];
  let isAfterChange = false;
  return ({ call, number, fault, isForGood }) => {
    if (call.method !== "GET") {
      isAfterChange = true;
      return (isForGood ? ofUpdateForGood : ofUpdate).includes(fault);
    }
    if (isForGood) return false;
    // What is asked by name, id or filter is one kind; what is asked once it is under way is another.
    const [what] = /\/(?:version|info|services|nodes|tasks|distribution)\b/.exec(call.url) ?? [call.url];
    const kind = `${what} ${isAfterChange}`;
    if (!kinds.has(kind)) kinds.set(kind, number);
    return kinds.get(kind) === number && fault === ofQuestions[kinds.size % ofQuestions.length];
  };
}

/**
 * Of an update of which nothing was heard in time, what is known is said, and it goes back where that is possible. One
 * that waited for a question in vain may have too little time left.
 */
function isGivenUp(one: Swept): boolean {
  const isLate = one.fault === "no answer" && /was not done after \d+ s/.test(one.ended.reason ?? "");
  return isLate || ranOutOfTime(one) || one.fault === "answer late";
}

/** A stack that Portainer itself says it could not deploy, though that was somebody else. */
function isPutBack({ call, fault, ended }: Swept): boolean {
  return call.startsWith("PUT") && fault === "error 500" && ended.state === "rolled-back";
}
