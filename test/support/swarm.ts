/** A swarm of engine nodes with a registry that they pull from, services in it, and somebody who keeps asking them. */
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { createFields } from "../../hook/config/fields.ts";
import { swarm as swarmKind } from "../../hook/target/swarm/index.ts";
import type { Outcome, Release, Target, TargetKind } from "../../hook/target/target.ts";
import { parseImageName } from "../../oci/reference.ts";
import { startedDeployment } from "./deployments.ts";
import {
  type EngineNode,
  type EngineNodes,
  type EngineNodesOptions,
  engineNodesMissing,
  joinSwarm,
  startEngineNodes,
} from "./engine-nodes.ts";
import { until } from "./hook.ts";
import { type Registry, type RegistryOptions, registryMissing, startRegistry } from "./registry.ts";
import { pushSiteImage, type SiteImage, siteImageMissing } from "./site-image.ts";

export const swarmMissing: string | false = engineNodesMissing || registryMissing || siteImageMissing;

export interface TestSwarm extends EngineNodes {
  manager: EngineNode;
  registry: Registry;
  /** An image's name, as the nodes reach it. */
  image: string;
  /** Its repository in the registry. */
  repository: string;
  push(tag: string, image?: SiteImage): Promise<string>;
  /** `docker service create` with what every service here needs: no virtual addresses, ports on the hosts. */
  createService(name: string, options: readonly string[], image: string): Promise<void>;
  /** `null` for what a service does not have. */
  inspect<Value>(service: string, path: string): Promise<Value>;
}

export interface TestSwarmOptions extends EngineNodesOptions {
  registry?: RegistryOptions;
  /** Of pushes. */
  authorization?: string;
}

const repository = "site/app";

export async function startSwarm({
  registry: options,
  authorization,
  ...machines
}: TestSwarmOptions = {}): Promise<TestSwarm> {
  const nodes = await startEngineNodes(machines);
  const registry = await startRegistry(options);
  const [manager] = nodes.nodes;
  if (manager === undefined) throw new Error("there is no node");
  await joinSwarm(nodes);
  const image = `${await nodes.offer(Number(registry.host.split(":")[1]))}/${repository}`;
  const place = { origin: registry.origin, ...(authorization !== undefined && { authorization }) };
  return {
    ...nodes,
    manager,
    registry,
    image,
    repository,
    push: (tag, more) => pushSiteImage(place, repository, tag, more),
    async createService(name, more, reference) {
      const always = [
        "--detach",
        "--quiet",
        "--name",
        name,
        "--endpoint-mode",
        "dnsrr",
        "--restart-delay",
        "500ms",
        "--rollback-monitor",
        "500ms",
      ];
      await manager.run("service", "create", ...always, ...more, reference);
    },
    async inspect(service, path) {
      return JSON.parse(await manager.run("service", "inspect", "--format", `{{json ${path}}}`, service));
    },
    async stop() {
      await Promise.all([nodes.stop(), registry.stop()]);
    },
  };
}

/** Three good releases, whose digests are answered by their tags, and one of each kind that is not. */
export async function pushReleases({ push }: TestSwarm): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  for (const tag of ["v1", "v2", "v3"]) digests.set(tag, await push(tag));
  await push("sick", { kind: "sick" });
  await push("crash", { kind: "crash" });
  await push("unchecked", { kind: "crash-unchecked" });
  return digests;
}

/** Any free port of the host for each task. */
export const anyPort = ["--publish", "mode=host,target=3000"];

interface ListedTask {
  DesiredState: string;
  NodeID: string;
  Status: { State: string; PortStatus?: { Ports?: { PublishedPort: number }[] } };
}

/** `address:port` of every task of a service that runs and is to run. */
export async function listPlaces(
  { nodes, manager }: Pick<TestSwarm, "nodes" | "manager">,
  service: string,
): Promise<string[]> {
  const addresses = await addressesOf({ nodes, manager });
  const tasks = await ask<ListedTask[]>(
    manager,
    `/tasks?filters=${encodeURIComponent(JSON.stringify({ service: [service] }))}`,
  );
  return tasks
    .filter(({ DesiredState, Status }) => DesiredState === "running" && Status.State === "running")
    .flatMap(({ NodeID, Status }) => {
      const port = Status.PortStatus?.Ports?.[0]?.PublishedPort;
      return port === undefined ? [] : [`${addresses.get(NodeID)}:${port}`];
    });
}

const known = new WeakMap<EngineNode, Map<string, string>>();

async function addressesOf({
  nodes,
  manager,
}: Pick<TestSwarm, "nodes" | "manager">): Promise<Map<string, string>> {
  const found = known.get(manager);
  if (found !== undefined) return found;
  const listed = await ask<{ ID: string; Description: { Hostname: string } }[]>(manager, "/nodes");
  const addresses = new Map(
    listed.map(({ ID, Description }) => [
      ID,
      nodes.find(({ name }) => name === Description.Hostname)?.address ?? "",
    ]),
  );
  known.set(manager, addresses);
  return addresses;
}

/** GET of an Engine's API, without the hook's own client. */
async function ask<Value>({ host }: EngineNode, path: string): Promise<Value> {
  const { body } = await get({ socketPath: host.slice("unix://".length), path: `/v1.41${path}` });
  return JSON.parse(body) as Value;
}

interface Got {
  status: number;
  body: string;
}

function get(where: { socketPath?: string; host?: string; port?: number; path: string }): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...where, agent: false, timeout: 5000 }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
      response.on("aborted", () => reject(new Error("the answer was cut off")));
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer in 5 s")));
    asked.on("error", reject);
    asked.end();
  });
}

export async function readPage(place: string): Promise<string> {
  const [host = "", port] = place.split(":");
  return (await get({ host, port: Number(port), path: "/" })).body;
}

/** Until every task of the service shows the page, and there are as many as wanted. */
export async function untilServing(
  swarm: TestSwarm,
  service: string,
  page: string,
  count: number,
): Promise<void> {
  await until(
    `${count} tasks of ${service} show ${page}`,
    async () => {
      const places = await listPlaces(swarm, service);
      if (places.length !== count) return false;
      const pages = await Promise.all(places.map((place) => readPage(place).catch(() => "")));
      return pages.every((one) => one === page);
    },
    60_000,
  );
}

export interface Tally {
  requests: number;
  /** What went wrong, one line each. */
  failures: string[];
  /** How often each page came. */
  pages: Map<string, number>;
}

/**
 * Asks a service over and over until it is told to stop, as a reverse proxy would: the tasks that the swarm calls
 * running, in turn, each request on a connection of its own. A task that takes no connection any more is passed over, as
 * every proxy does; a request that was taken and not answered well is a failure, and so is one that nobody took. Places
 * that `isAsked` leaves out are not asked any more, and what was asked of one just before is asked of the next.
 */
export function keepAsking(
  swarm: TestSwarm,
  service: string,
  isAsked: (place: string) => boolean = () => true,
): { stop(): Promise<Tally> } {
  const tally: Tally = { requests: 0, failures: [], pages: new Map() };
  let isStopped = false;
  let places: string[] = [];
  const follow = async () => {
    while (!isStopped) {
      places = await listPlaces(swarm, service).catch(() => places);
      await sleep(40);
    }
  };
  const askOnce = async (turn: number) => {
    tally.requests += 1;
    const problems: string[] = [];
    const candidates = [...places];
    for (let index = 0; index < candidates.length; index++) {
      const place = candidates[(turn + index) % candidates.length] ?? "";
      if (!isAsked(place)) continue;
      const [host = "", port] = place.split(":");
      try {
        const { status, body } = await get({ host, port: Number(port), path: "/" });
        if (status !== 200) problems.push(`${place}: status ${status}`);
        else tally.pages.set(body, (tally.pages.get(body) ?? 0) + 1);
        if (status === 200) return;
        break;
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        problems.push(`${place}: ${message}`);
        if (code !== "ECONNREFUSED" && isAsked(place)) break;
      }
    }
    tally.failures.push(problems.join(", ") || "no task runs");
  };
  const askForEver = async () => {
    for (let turn = 0; !isStopped; turn++) {
      await askOnce(turn);
      await sleep(5);
    }
  };
  const following = follow();
  const asking = until("there is somebody to ask", () => places.some(isAsked)).then(askForEver);
  return {
    async stop() {
      isStopped = true;
      await Promise.all([following, asking]);
      return tally;
    },
  };
}

/** For the docs' figures. */
export function report(
  t: { diagnostic(line: string): void },
  what: string,
  { requests, failures }: Tally,
): void {
  t.diagnostic(`${what}: ${failures.length} of ${requests} requests failed`);
}

export function reasonOf(outcome: Outcome): string {
  return "reason" in outcome ? outcome.reason : "";
}

export interface SwarmTarget {
  target: Target;
  /** What the last call has logged. */
  lines(): string[];
  deploy(tag: string, more?: { digest?: string; signal?: AbortSignal }): Promise<Outcome>;
  rollback(to: Release): Promise<Outcome>;
}

/** The target as a service's config would make it; `options` is what stands under `target.swarm`. */
export function createSwarmTarget(
  options: object,
  image: string,
  environment: Record<string, string> = {},
): SwarmTarget {
  return createTestTarget(swarmKind, options, image, environment);
}

/** The same of another kind. */
export function createTestTarget<Options>(
  kind: TargetKind<Options>,
  options: object,
  image: string,
  environment: Record<string, string> = {},
): SwarmTarget {
  const parsed = parseImageName(image);
  if ("problem" in parsed) throw new Error(parsed.problem);
  const fields = createFields({ environment, directory: "/" });
  const target = kind.create(kind.schema(fields).parse(options), {
    service: "blog",
    image: parsed.name,
    directory: "/",
    environment,
  });
  let lines: string[] = [];
  const contextOf = (signal: AbortSignal = new AbortController().signal) => {
    lines = [];
    const log = (line: string) => void lines.push(line);
    return { log, signal, deadline: new Date(Date.now() + target.timeoutMs), remember: async () => {} };
  };
  return {
    target,
    lines: () => lines,
    deploy: (tag, { digest, signal } = {}) =>
      target.deploy(
        startedDeployment({ service: "blog", image, tag, digest: digest ?? null }),
        contextOf(signal),
      ),
    rollback: (to) => {
      if (target.rollback === undefined) throw new Error("it cannot roll back");
      return target.rollback(to, startedDeployment({ image, tag: "broken" }), contextOf());
    },
  };
}
