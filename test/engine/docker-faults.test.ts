/**
 * Every call that changes something is made to fail, and so is every kind of question, and the hook is killed between
 * every two changes: a container serves afterwards, what is said of it is so, and the next deployment finishes the work.
 * In front of a real Engine, which is too slow for all that can go wrong at every call: every change is done with its
 * answer lost, and has one of the other faults in turn; every kind of question has one of them.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Docker, describeWithDocker } from "../support/docker.ts";
import { buildSite, createTarget, lookAt, removeSlot } from "../support/docker-target.ts";
import { type CallSeen, type FaultProxy, startFaultProxy } from "../support/fault-proxy.ts";
import {
  type Chosen,
  judgeSweep,
  type Place,
  ranOutOfTime,
  type Swept,
  sweepFaults,
} from "../support/fault-sweep.ts";
import { freePorts } from "../support/free-port.ts";
import { buildBaseImage } from "../support/images.ts";
import { type Registry, registryMissing, startRegistry } from "../support/registry.ts";

const repository = "statigo-test/faults";
const network = `statigo-test-faults-${process.pid}`;
const options = { pull: "never", overlap: "0s", keep: 1, health: { stable: "100ms" } };

/** What a deployment changes, one call each. */
const steps = {
  "start-first": [
    "POST /containers/create",
    "POST /containers/…/start",
    "POST /networks/…/disconnect",
    "POST /networks/…/connect",
    "POST /containers/…/stop",
    "POST /containers/…/rename",
    "POST /containers/…/rename",
    "POST /containers/…/update",
  ],
  "stop-first": [
    "POST /containers/create",
    "POST /containers/…/stop",
    "POST /containers/…/start",
    "POST /containers/…/rename",
    "POST /containers/…/rename",
    "POST /containers/…/update",
  ],
} as const;

type Order = keyof typeof steps;

const tags = ["v1", "v2", "v3"];

await describeWithDocker("the docker target", ["node:24-bookworm-slim"], (docker) => {
  describe("when one step of a replacement fails", () => defineTests(docker));
});

function defineTests(docker: Docker): void {
  const host = docker.environment["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";

  before(async () => {
    const base = await buildBaseImage(docker);
    for (const tag of tags) {
      // Without a health check an Engine's first probe need not be waited for.
      await buildSite(docker, base, `${repository}:${tag}`, ["HEALTHCHECK NONE"]);
    }
    // A run that was killed has left its own.
    await removeSlot(docker, "faults");
    await removeNetworks();
    await docker.run(["network", "create", network]);
  });
  after(async () => {
    await removeNetworks();
    for (const tag of tags) await docker.run(["image", "rm", "--force", `${repository}:${tag}`]);
  });

  /**
   * An Engine that is to remove a container while it connects it keeps an end of it until it is started again, and its
   * network as long (seen with 20.10).
   */
  async function removeNetworks() {
    const list = await docker.run(["network", "ls", "--quiet", "--filter", "name=^statigo-test-faults"]);
    for (const id of list.split("\n").filter((one) => one !== ""))
      await docker.run(["network", "rm", id]).catch(() => {});
  }

  async function withSlot(slot: string, order: Order, work: (proxy: FaultProxy) => Promise<void>) {
    const proxy = await startFaultProxy(host);
    const [port = 0] = await freePorts(1);
    await startOld(docker, slot, { order, port, image: `${repository}:v1` });
    try {
      await work(proxy);
    } finally {
      await removeSlot(docker, slot);
      await proxy.stop();
    }
  }

  const deployThrough = (address: string, slot: string) =>
    createTarget({ ...options, engine: address, container: slot }, { image: repository, service: slot });

  for (const order of ["start-first", "stop-first"] as const) {
    describe(order, { concurrency: 4 }, () => {
      test("makes these calls, and no others, that change something", async () => {
        await withSlot(`faults-calls-${order}`, order, async (proxy) => {
          const outcome = await deployThrough(proxy.address, `faults-calls-${order}`).deploy("v2");
          assert.equal(outcome.kind, "succeeded", JSON.stringify(outcome));
          assert.deepEqual(changesOf(proxy).map(describeCall), steps[order]);
        });
      });

      for (const [number, step] of steps[order].entries()) {
        test(`killed before ${step} (number ${number + 1}): the next deployment finishes the work`, async () => {
          const slot = `faults-${order}-${number}-killed`;
          await withSlot(slot, order, (proxy) => kill(proxy, slot, number, order));
        });
      }
    });
  }

  /** From the Engine's side, a killed hook is one that is heard of no more. */
  async function kill(proxy: FaultProxy, slot: string, number: number, order: Order) {
    let die = () => {};
    const dead = new Promise<void>((resolve) => {
      die = resolve;
    });
    proxy.fail = () => {
      if (changesOf(proxy).length <= number) return undefined;
      die();
      return "reset";
    };
    const abandoned = deployThrough(proxy.address, slot).deploy("v2");
    await dead;
    const pages = (await lookAt(docker, slot)).flatMap(({ page }) => page ?? []);
    // Where there is only one place, there is a time when nothing serves: until the next start.
    if (order === "start-first")
      assert.ok(pages.includes("v1") || pages.includes("v2"), JSON.stringify(pages));
    await finish(host, slot);
    await abandoned;
  }

  async function finish(address: string, slot: string) {
    const target = deployThrough(address, slot);
    let outcome = await target.deploy("v2");
    // As the queue does, should a busy machine break a connection by itself.
    if (outcome.kind === "failed" && outcome.isTemporary) outcome = await target.deploy("v2");
    const said = `${JSON.stringify(outcome)}\n${target.lines().join("\n")}`;
    assert.equal(outcome.kind, "succeeded", said);
    assert.equal(await readAtRest(docker, slot), "v2", said);
  }

  describe("away, slow or answering garbage at a call", { skip: registryMissing }, () => {
    let registry: Registry;
    const image = () => `${registry.host}/${repository}`;
    before(async () => {
      registry = await startRegistry();
      for (const tag of tags) {
        await docker.run(["tag", `${repository}:${tag}`, `${image()}:${tag}`]);
        await docker.run(["push", `${image()}:${tag}`]);
      }
    });
    after(async () => {
      for (const tag of tags) await docker.run(["image", "rm", "--force", `${image()}:${tag}`]);
      await registry.stop();
    });

    for (const order of ["start-first", "stop-first"] as const) {
      test(`keeps no release from arriving ${order}, and nothing untrue is said`, async () => {
        const ports = await freePorts(40);
        const start = async (service: string): Promise<Place> => {
          const slot = `faults-${order}-${service}`;
          await startOld(docker, slot, { order, port: ports.pop() ?? 0, image: `${image()}:v1` });
          return {
            engine: host,
            // No deployment may be given less than five seconds.
            target: (engine, timeout) => ({
              docker: {
                ...options,
                engine,
                container: slot,
                order,
                pull: "always",
                timeout: timeout === "2s" ? "5s" : timeout,
              },
            }),
            image,
            read: () => readServing(docker, slot),
            readAtRest: () => readAtRest(docker, slot),
            stop: () => removeSlot(docker, slot),
          };
        };
        const swept = await sweepFaults({ start, choose: createChoice(order) });
        judgeSweep(swept, (one) => ranOutOfTime(one) || isTakenBack(one));
      });
    }
  });
}

/**
 * Of questions, the first of a kind. In one place, only what is not the same as in two: from stopping the old container
 * to starting the new one, when nothing serves until the Engine can be asked again.
 */
function createChoice(order: Order): (chosen: Chosen) => boolean {
  const kinds = new Map<string, number>();
  const inTurn = (position: number, all: readonly string[]) => all[position % all.length];
  return ({ call, number, fault, isForGood }) => {
    const name = `${fault}${isForGood ? " for good" : ""}`;
    const kind = describeCall(call);
    if (order === "stop-first")
      return /\/(?:stop|start)$/.test(kind) && ["answer lost", "garbage", "answer late"].includes(name);
    if (call.method === "GET") {
      if (!kinds.has(kind)) kinds.set(kind, number);
      const isFirst = kinds.get(kind) === number;
      return isFirst && name === inTurn(kinds.size, ["reset", "error 500", "garbage", "truncated"]);
    }
    const others = ["no answer", "error 500", "garbage", "answer late", "answer lost for good"];
    return name === "answer lost" || name === inTurn(number, others);
  };
}

/** What an Engine says no to, or nothing, when the old container is stopped is not tried again: it would stop again. */
function isTakenBack({ fault, ended }: Swept): boolean {
  return ["error 500", "no answer", "answer late"].includes(fault) && ended.state === "rolled-back";
}

/** The page of what serves, if anything does: of the container with the slot's name where two do. */
async function readServing(docker: Docker, slot: string): Promise<string | undefined> {
  const serving = (await lookAt(docker, slot)).filter(({ page }) => page !== undefined);
  return (serving.find(({ name }) => name === slot) ?? serving[0])?.page;
}

/** The page, where nothing is left half done: one container serves, one is kept, and only the first is started again. */
async function readAtRest(docker: Docker, slot: string): Promise<string | undefined> {
  const seen = await lookAt(docker, slot);
  const [holder, ...kept] = seen;
  const format = "{{.HostConfig.RestartPolicy.Name}}";
  const policies = await docker.run(["inspect", "--format", format, ...seen.map(({ name }) => name)]);
  const isOrderly =
    holder?.name === slot && kept.length === 1 && kept[0]?.page === undefined && policies === "always\nno";
  return isOrderly ? holder.page : `${JSON.stringify(seen)} ${policies}`;
}

/** Those that change something, in their order. */
function changesOf({ calls }: FaultProxy): CallSeen[] {
  return calls.filter(({ method }) => method !== "GET");
}

/** Without the version, the query and the ids. */
function describeCall({ method, url }: CallSeen): string {
  const path = url.replace(/^\/v\d+\.\d+/, "").replace(/\?.*$/, "");
  return `${method} ${path.replace(/[0-9a-f]{64}|(?<=networks\/)[^/]+/, "…")}`;
}

async function startOld(
  docker: Docker,
  slot: string,
  { order, port, image }: { order: Order; port: number; image: string },
): Promise<void> {
  const place =
    order === "start-first"
      ? ["--network", network, "--network-alias", `web-${slot}`]
      : ["--publish", `127.0.0.1:${port}:3000`];
  const run = ["run", "--detach", "--name", slot, "--restart", "always", ...place];
  await docker.run([...run, image]);
}
