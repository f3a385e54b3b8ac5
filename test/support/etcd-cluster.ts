/** Machines with a Docker Engine and an agent each, one etcd for them, a registry, and a hook that deploys to them. */
import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type AgentProcess, spawnAgent } from "./agent-process.ts";
import { type EngineNode, type EngineNodes, startEngineNodes } from "./engine-nodes.ts";
import { type Etcd, startEtcd } from "./etcd.ts";
import { secretOf, startHook, type TestHook, until } from "./hook.ts";
import { type Registry, startRegistry } from "./registry.ts";
import { pushSiteImage, type SiteImage } from "./site-image.ts";

export interface EtcdCluster {
  etcd: Etcd;
  nodes: readonly EngineNode[];
  /** The image's name as the Engines pull it. */
  image: string;
  agents: AgentProcess[];
  /** By the machine's number. */
  startAgent(number: number): AgentProcess;
  push(tag: string, options?: SiteImage): Promise<string>;
  startHook(options?: object, more?: string): Promise<TestHook>;
  /** What the machines serve now. */
  pages(): Promise<string[]>;
  stop(): Promise<void>;
}

export const sitePort = 8080;

export async function startEtcdCluster(count: number): Promise<EtcdCluster> {
  const [etcd, registry, engines] = await Promise.all([
    startEtcd(),
    startRegistry(),
    startEngineNodes({ count }),
  ]);
  const agents: AgentProcess[] = [];
  const image = `${await engines.offer(Number(new URL(registry.origin).port))}/stut/blog`;
  const startAgent = (number: number) => {
    const agent = spawnAgent([
      ...["--machine", `m${number + 1}`, "--docker", engines.nodes[number]?.host ?? ""],
      ...["--etcd-nodes", etcd.nodes.join(","), "--etcd-prefix", "/test/deployer"],
      ...["--etcd-retry-delay", "200ms", "--etcd-session", "3s", "--kill-timeout", "3"],
    ]);
    agents[number] = agent;
    return agent;
  };
  const cluster: EtcdCluster = {
    etcd,
    nodes: engines.nodes,
    image,
    agents,
    startAgent,
    push: (tag, options) => pushSiteImage(registry, "stut/blog", tag, options),
    startHook: (options = {}, more = "") => startClusterHook(etcd, image, options, more),
    pages: () => Promise.all(engines.nodes.map(({ address }) => readPage(address).catch(() => "no answer"))),
    stop: () => stopAll(agents, etcd, registry, engines),
  };
  await cluster.push("v1");
  await Promise.all(engines.nodes.map((node) => startSite(node, image)));
  // A second one on the first machine, which can run twice at a time.
  await engines.nodes[0]?.run("run", "--detach", "--name", "blog-b", `${image}:v1`);
  for (const index of engines.nodes.keys()) startAgent(index);
  await until("the agents are there", async () => {
    const keys = Object.keys(await etcd.read("/test/deployer/.machines/"));
    return keys.length === count;
  });
  return cluster;
}

/** With a port of the machine's: the new one can only start when the old one is stopped. */
async function startSite(node: EngineNode, image: string): Promise<void> {
  const publish = ["--publish", `${sitePort}:3000`, "--restart", "always"];
  await node.run("run", "--detach", "--name", "blog", ...publish, `${image}:v1`);
  await until(`${node.name} serves`, async () => (await readPage(node.address)) === "v1", 20_000).catch(
    () => {},
  );
}

async function stopAll(
  agents: AgentProcess[],
  etcd: Etcd,
  registry: Registry,
  engines: EngineNodes,
): Promise<void> {
  for (const agent of agents) agent.signal("SIGKILL");
  await Promise.all([etcd.stop(), registry.stop(), engines.stop()]);
}

function startClusterHook(etcd: Etcd, image: string, options: object, more: string): Promise<TestHook> {
  const target = {
    nodes: etcd.nodes,
    prefix: "/test/deployer",
    retryDelay: "200ms",
    pause: "300ms",
    replace: { health: { timeout: "20s" } },
    ...options,
  };
  return startHook(`
listen: 127.0.0.1:0
store: ./hook.db
services:
  blog:
    image: ${image}
    aliases: [stut/blog]
    secret: ${secretOf("blog")}
    retry: { attempts: 1 }
    target: ${JSON.stringify({ etcd: target })}
${more}`);
}

export function readPage(address: string, timeoutMs = 4_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ host: address, port: sitePort, agent: false, timeout: timeoutMs }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("error", reject);
      response.on("end", () =>
        response.statusCode === 200 ? resolve(body.trim()) : reject(new Error(`${response.statusCode}`)),
      );
    });
    request.on("timeout", () => request.destroy(new Error("no answer in time")));
    request.on("error", reject);
  });
}

export interface ClusterVisits {
  requests: number;
  /** Those that no machine answered. */
  failures: number;
  /** How long each machine did not answer, at most at a stretch. */
  gapsMs: number[];
  /** The most machines that were away at the same time. */
  mostAway: number;
}

/** Visitors who try the next machine when one does not answer; and one of each machine's own. */
export function visitCluster(nodes: readonly EngineNode[]): { stop(): Promise<ClusterVisits> } {
  const visits: ClusterVisits = { requests: 0, failures: 0, gapsMs: nodes.map(() => 0), mostAway: 0 };
  const away = new Set<number>();
  let isOver = false;
  async function visit(first: number): Promise<void> {
    while (!isOver) {
      visits.requests++;
      if (!(await someAnswers(first))) visits.failures++;
      await sleep(5);
    }
  }
  async function someAnswers(first: number): Promise<boolean> {
    for (let step = 0; step < nodes.length; step++) {
      const node = nodes[(first + step) % nodes.length] as EngineNode;
      if (
        await readPage(node.address).then(
          () => true,
          () => false,
        )
      )
        return true;
    }
    return false;
  }
  async function watch({ address }: EngineNode, index: number): Promise<void> {
    let sinceMs: number | undefined;
    while (!isOver) {
      const startedMs = performance.now();
      // A connection that meets no container is tried again by the system only after a second.
      const isThere = await readPage(address, 150).then(
        () => true,
        () => false,
      );
      if (isThere && sinceMs !== undefined) {
        visits.gapsMs[index] = Math.max(visits.gapsMs[index] ?? 0, Math.round(performance.now() - sinceMs));
        sinceMs = undefined;
        away.delete(index);
      } else if (!isThere) {
        sinceMs ??= startedMs;
        away.add(index);
        visits.mostAway = Math.max(visits.mostAway, away.size);
      }
      await sleep(10);
    }
  }
  const all = Promise.all([...nodes.map((_, index) => visit(index)), ...nodes.map(watch)]);
  return {
    async stop() {
      // A gap that is still open has no length yet.
      await until("every machine answers", () => away.size === 0, 5_000).catch(() => {});
      isOver = true;
      await all;
      return visits;
    },
  };
}
