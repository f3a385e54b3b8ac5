/** Releases of the whole fleet in a real etcd: agents that watch them, one deployment, and agents that carry releases out. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Agent, startAgent } from "../../hook/agent/agent.ts";
import { parseAgentSetting } from "../../hook/agent/load.ts";
import { createEtcdClient, type EtcdClient } from "../../hook/etcd-api/client.ts";
import { followRange } from "../../hook/etcd-api/follow.ts";
import { keysUnder } from "../../hook/etcd-api/keys.ts";
import { commit, readRange } from "../../hook/etcd-api/store.ts";
import { placesUnder } from "../../hook/target/etcd/places.ts";
import { type Etcd, startEtcd } from "../../test/support/etcd.ts";
import { count, type Fleet, type FleetFigure } from "./report.ts";
import { childNamed, eachOf, residentMegabytesOf, timed } from "./resident.ts";

const prefix = "/fleet";
const places = placesUnder(prefix);
const signal = AbortSignal.timeout(600_000);
/** Of the fleet's releases, how many the agents carry out here. */
const carriedOut = 50;
/** etcd takes 128 operations in a transaction. */
const writtenTogether = 100;

function recordOf(site: number, id: string): string {
  const tag = "release-20260101000000";
  const release = { service: `site-${site}`, image: `acme/site-${site}`, tag, kind: "rollback" };
  return JSON.stringify({ id, ...release, digest: `sha256:${"ab".repeat(32)}`, previous: release });
}

/** As many as `statigo agent`s: no connection is shared. */
function clientOf({ nodes }: Etcd): EtcdClient {
  return createEtcdClient({ nodes: nodes.map((node) => new URL(node)), dialTimeoutMs: 5000 });
}

/** Requests that etcd has begun since it was started, without those of its own parts among each other. */
async function countRequests({ nodes }: Etcd): Promise<number> {
  const text = await (await fetch(`${nodes[0]}/metrics`)).text();
  const lines = text.matchAll(
    /^grpc_server_started_total\{[^}]*grpc_service="etcdserverpb\.(?:KV|Watch|Lease)"[^}]*\} (\S+)$/gm,
  );
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}

interface Watcher {
  hasAll: Promise<void>;
  /** Resolves with the next change. */
  next(): Promise<void>;
}

function watch(client: EtcdClient, over: AbortSignal): Watcher {
  let onAll = () => {};
  let onChange = () => {};
  const hasAll = new Promise<void>((resolve) => {
    onAll = resolve;
  });
  void (async () => {
    const options = { signal: over, retryDelayMs: 1000, log() {} };
    for await (const { kind } of followRange(client, places.releases, options)) {
      if (kind === "all") onAll();
      else onChange();
    }
  })();
  return {
    hasAll,
    next: () =>
      new Promise((resolve) => {
        onChange = resolve;
      }),
  };
}

async function writeReleases(etcd: Etcd, { sites }: Fleet): Promise<void> {
  const starts = Array.from(
    { length: Math.ceil(sites / writtenTogether) },
    (_, index) => index * writtenTogether,
  );
  await eachOf(starts, 4, async (start) => {
    const numbers = Array.from(
      { length: Math.min(writtenTogether, sites - start) },
      (_, index) => start + index,
    );
    const put = numbers.map((site) => [places.release(`site-${site}`), recordOf(site, `r${site}`)]);
    await commit(etcd.client, { when: [], put: Object.fromEntries(put), signal });
  });
}

async function measureWatchers(etcd: Etcd, { sites, machines }: Fleet): Promise<FleetFigure[]> {
  const over = new AbortController();
  const before = { etcd: residentMegabytesOf(childNamed("etcd")), requests: await countRequests(etcd) };
  const { result: watchers, ms } = await timed(async () => {
    const all = Array.from({ length: machines }, () => watch(clientOf(etcd), over.signal));
    await Promise.all(all.map(({ hasAll }) => hasAll));
    return all;
  });
  const requests = (await countRequests(etcd)) - before.requests;
  const told: number[] = [];
  await sleep(1000);
  for (let turn = 0; turn < 10; turn++) {
    const seen = Promise.all(watchers.map((watcher) => watcher.next()));
    const put = { [places.release(`site-${turn}`)]: recordOf(turn, `again-${turn}`) };
    told.push((await timed(() => commit(etcd.client, { when: [], put, signal }).then(() => seen))).ms);
  }
  const etcdMegabytes = residentMegabytesOf(childNamed("etcd"));
  over.abort();
  const each = 900 * sites;
  return [
    {
      name: `etcd: ${machines} agents read all releases and begin to watch`,
      paper: `${count(2 * machines)} requests, ${count((each * machines) / 1e6, "MB")}`,
      measured: `${count(requests)} requests, ${count(ms / 1000, "s", 1)}`,
    },
    {
      name: "etcd: its memory, with releases and watchers",
      paper: "0.1 MB a watcher",
      measured: `${count(etcdMegabytes, "MB")}, ${count(before.etcd, "MB")} without watchers`,
    },
    {
      name: `etcd: a release is told to all ${machines}, slowest of ten`,
      paper: "one round trip, one sync",
      measured: count(Math.max(...told), "ms"),
    },
  ];
}

async function startStubEngine(): Promise<{ address: string; stop(): void }> {
  const server = createServer((request, response) => {
    const isPing = request.url?.endsWith("/_ping") ?? false;
    response.writeHead(200, {
      "api-version": "1.41",
      "content-type": isPing ? "text/plain" : "application/json",
    });
    response.end(
      isPing
        ? "OK"
        : request.url?.includes("/version")
          ? '{"ApiVersion":"1.41","MinAPIVersion":"1.12"}'
          : "[]",
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { address, stop: () => server.close().closeAllConnections() };
}

function startFleetAgent(etcd: Etcd, engine: string, index: number): Agent {
  const yaml = `machine: m${index}\ndocker: ${engine}\netcdNodes: ["${etcd.nodes[0]}"]\netcdPrefix: ${prefix}/part\n`;
  const parsed = parseAgentSetting(yaml, "agent.yaml", new Map(), {});
  if ("problems" in parsed) throw new Error(parsed.problems.join("\n"));
  return startAgent(parsed.setting, () => {});
}

async function startAgents(etcd: Etcd, engine: string, machines: number): Promise<Agent[]> {
  const agents = Array.from({ length: machines }, (_, index) => startFleetAgent(etcd, engine, index));
  await untilCount(etcd, placesUnder(`${prefix}/part`).machines, machines);
  return agents;
}

/**
 * Some releases, carried out by all agents: from the first of them to the last machine's word. Then all agents are
 * started again, and go through the same releases.
 */
async function measureAgents(etcd: Etcd, { sites, machines }: Fleet): Promise<FleetFigure[]> {
  const engine = await startStubEngine();
  const part = placesUnder(`${prefix}/part`);
  const pairs = machines * carriedOut;
  let agents = await startAgents(etcd, engine.address, machines);
  await sleep(1000);
  const before = await countRequests(etcd);
  const { ms } = await timed(async () => {
    for (let site = 0; site < carriedOut; site++)
      await commit(etcd.client, {
        when: [],
        put: { [part.release(`site-${site}`)]: recordOf(site, `p${site}`) },
        signal,
      });
    await untilCount(etcd, keysUnder(`${prefix}/part/.progress/`), pairs, '"converged"');
  });
  const requests = (await countRequests(etcd)) - before;
  await Promise.all(agents.map((agent) => agent.stop()));
  const beforeAnew = await countRequests(etcd);
  const anew = await timed(async () => {
    agents = await startAgents(etcd, engine.address, machines);
    // Each grants itself a lease, says that it is there, reads all and begins to watch.
    while ((await countRequests(etcd)) - beforeAnew < pairs + 4 * machines) await sleep(50);
  });
  const own = residentMegabytesOf("self");
  await Promise.all(agents.map((agent) => agent.stop()));
  engine.stop();
  return [
    {
      name: "etcd: requests of a machine for a deployment of a site that it does not have",
      paper: "1",
      measured: count(requests / pairs, "", 1),
    },
    {
      name: `etcd: ${carriedOut} deployments, until all ${machines} machines have said that they are done`,
      paper: `${count(pairs)} requests`,
      measured: `${count(requests)} requests, ${count(ms / 1000, "s", 1)}`,
    },
    {
      name: `etcd: all agents are started anew with these ${carriedOut} releases`,
      paper: `${count(pairs + 4 * machines)} requests`,
      measured: count(anew.ms / 1000, "s", 1),
    },
    {
      name: "etcd: … with all releases, by this figure, all in one process",
      paper: count(sites * machines, "requests"),
      measured: count(((anew.ms / pairs) * sites * machines) / 60_000, "minutes", 1),
    },
    { name: `${machines} agents in one process: its memory`, paper: "", measured: count(own, "MB") },
  ];
}

async function untilCount(
  etcd: Etcd,
  range: Parameters<typeof readRange>[1],
  wanted: number,
  text = "",
): Promise<void> {
  for (;;) {
    const { entries } = await readRange(etcd.client, range, { signal });
    if (entries.filter(({ value }) => value.includes(text)).length >= wanted) return;
    await sleep(250);
  }
}

export async function measureEtcd(fleet: Fleet): Promise<FleetFigure[]> {
  const etcd = await startEtcd();
  try {
    await writeReleases(etcd, fleet);
    const watched = await measureWatchers(etcd, fleet);
    return [...watched, ...(await measureAgents(etcd, fleet))];
  } finally {
    await etcd.stop();
  }
}
