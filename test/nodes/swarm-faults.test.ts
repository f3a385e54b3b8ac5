/**
 * Calls of a real swarm's manager go wrong, asked directly and through Portainer: what is said of a service is so, it
 * serves, and the next deployment finishes the work. A swarm is too slow for all that can go wrong at every call: the
 * update has everything that can happen to it, and the first question of each kind has one fault.
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
import { anyPort, listPlaces, readPage, startSwarm, swarmMissing, type TestSwarm } from "../support/swarm.ts";

const apiKey = "ptr_0123456789abcdefghijklmnopqrstuvwxyz";
const endpoint = 2;

describe("a swarm", { skip: swarmMissing }, () => {
  let swarm: TestSwarm;
  let portainer: Portainer;
  let first = "";
  before(async () => {
    swarm = await startSwarm();
    first = await swarm.push("v1");
    for (const tag of ["v2", "v3"]) await swarm.push(tag);
    const managed = {
      engine: swarm.manager,
      endpoint,
      webhooks: new Map(),
      stacks: new Map(),
      registries: new Map(),
    };
    portainer = await startPortainer({ managed, apiKey });
  });
  after(async () => {
    await portainer?.stop();
    await swarm?.stop();
  });

  async function startService(name: string): Promise<Omit<Place, "engine" | "target">> {
    const options = ["--no-healthcheck", "--update-monitor", "500ms", ...anyPort];
    await swarm.createService(name, options, `${swarm.image}:v1@${first}`);
    const read = async () => {
      const image = await swarm.inspect<string>(name, ".Spec.TaskTemplate.ContainerSpec.Image");
      return /:(v\d)(?:@|$)/.exec(image)?.[1];
    };
    return {
      image: () => swarm.image,
      read,
      async readAtRest() {
        const places = await listPlaces(swarm, name);
        const pages = await Promise.all(places.map(readPage));
        const tag = await read();
        return pages.join() === tag ? tag : `${tag}, and serves ${pages.join() || "nothing"}`;
      },
      async stop() {
        await swarm.manager.run("service", "rm", name);
      },
    };
  }

  // No deployment may be given less than five seconds.
  const timeOf = (timeout: string) => (timeout === "2s" ? "5s" : timeout);

  test("away, slow or answering garbage keeps no release from arriving, and nothing untrue is said", async () => {
    const start = async (service: string): Promise<Place> => ({
      ...(await startService(service)),
      engine: swarm.manager.host,
      target: (engine, timeout) => ({
        swarm: { engine, service, monitor: "0s", timeout: timeOf(timeout) },
      }),
    });
    const choose = createChoice(["reset", "answer lost", "answer late", "error 500", "garbage", "cut short"]);
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
});

function createChoice(ofUpdate: readonly Fault[]): (chosen: Chosen) => boolean {
  const kinds = new Map<string, number>();
  const ofQuestions: readonly Fault[] = ["reset", "error 500", "garbage", "truncated", "no answer"];
  return ({ call, number, fault, isForGood }) => {
    if (isForGood) return false;
    if (call.method !== "GET") return ofUpdate.includes(fault);
    // What is asked by name, id or filter is one kind.
    const [kind = ""] = /\/(?:version|info|services|nodes|tasks|distribution)\b/.exec(call.url) ?? [call.url];
    if (!kinds.has(kind)) kinds.set(kind, number);
    return kinds.get(kind) === number && fault === ofQuestions[kinds.size % ofQuestions.length];
  };
}

/** Of an update of which nothing was heard in time, what is known is said, and it goes back where that is possible. */
function isGivenUp(one: Swept): boolean {
  return ranOutOfTime(one) || one.fault === "answer late";
}
