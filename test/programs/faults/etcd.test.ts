/** Every call that the etcd target makes goes wrong in every way, in front of a real etcd, with a machine that a test plays. */
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { commit } from "../../../hook/etcd-api/store.ts";
import { parseRelease } from "../../../hook/target/etcd/record.ts";
import { type Etcd, etcdMissing, startEtcd } from "../../support/etcd.ts";
import { judgeSweep, type Place, ranOutOfTime, sweepFaults } from "../../support/fault-sweep.ts";

describe("etcd", { skip: etcdMissing }, () => {
  test("away, slow or answering garbage at any call keeps no release from arriving, and nothing untrue is said", async () => {
    const etcd = await startEtcd();
    const machine = playMachine(etcd);
    try {
      judgeSweep(
        await sweepFaults({ start: (service) => startPlace(etcd, service), count: 5 }),
        ranOutOfTime,
      );
    } finally {
      await machine.stop();
      await etcd.stop();
    }
  });
});

const root = "/fleet";

function put(etcd: Etcd, key: string, value: object) {
  const signal = AbortSignal.timeout(30_000);
  return commit(etcd.client, { when: [], put: { [key]: JSON.stringify(value) }, signal });
}

/** What an agent does, for all services: whatever release there is, the machine has it a moment later. */
function playMachine(etcd: Etcd): { stop(): Promise<void> } {
  const told = new Set<string>();
  let isStopped = false;
  const work = (async () => {
    while (!isStopped) {
      const found = await etcd.read(root).catch((): Record<string, string> => ({}));
      for (const [key, value] of Object.entries(found)) {
        const [, , service, name] = key.split("/");
        const release = name === service ? parseRelease(value) : undefined;
        if (release === undefined || told.has(release.id)) continue;
        told.add(release.id);
        const converged = { state: "converged", containers: 1, replaced: 1, line: "has it" };
        const progress = { release: release.id, machine: "a", ...converged };
        await put(etcd, `${root}/${service}/.progress/${service}/a`, progress);
      }
      await sleep(50);
    }
  })();
  return {
    async stop() {
      isStopped = true;
      await work;
    },
  };
}

async function startPlace(etcd: Etcd, service: string): Promise<Place> {
  const prefix = `${root}/${service}`;
  const key = `${prefix}/${service}`;
  await put(etcd, `${prefix}/.machines/a`, {});
  return {
    engine: etcd.nodes[0] ?? "",
    target: (address, timeout) => ({
      etcd: { nodes: [address], prefix, retryDelay: "50ms", timeout: timeout === "2s" ? "5s" : timeout },
    }),
    read: async () => parseRelease((await etcd.read(key))[key] ?? "")?.tag,
  };
}
