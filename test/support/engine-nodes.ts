/**
 * Docker Engines as if each were a machine of its own, all in one network that this machine is in as well:
 *
 *   const nodes = await startEngineNodes({ count: 3 });
 *   await joinSwarm(nodes);
 *
 * Each daemon has network, mounts, host name and processes of its own (network and PID namespaces), so that it is in
 * nobody's way, and everything of it ends with its first process: it ends when the test's process does, however that
 * ends. A port that a task publishes on its host is reached at the node's address.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { globSync, mkdtempSync, openSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { dockerClients, onPath } from "./docker-client.ts";
import { until } from "./hook.ts";

const execute = promisify(execFile);

export interface EngineNode {
  /** Its host name. */
  name: string;
  /** In the network of the nodes. */
  address: string;
  /** `unix:///…`: for DOCKER_HOST and for the hook. */
  host: string;
  /** Runs `docker …` and answers what it printed. */
  run(...args: readonly string[]): Promise<string>;
  /** What a URL answers, asked from the node itself: containers have their addresses in its network. */
  readPage(url: string): Promise<string>;
  /** Ends the machine as a power failure does. */
  kill(): Promise<void>;
}

export interface EngineNodes {
  nodes: readonly EngineNode[];
  /** Where this machine listens for the nodes; a registry is given a port of it by `offer`. */
  gateway: string;
  /** Makes a port of this machine's loopback one of the gateway's, and answers `address:port`. */
  offer(port: number): Promise<string>;
  stop(): Promise<void>;
}

/** Why there can be none on this machine, or `false`: for a test's `skip`. */
export const engineNodesMissing: string | false = (() => {
  if (process.getuid?.() !== 0) return "only root can give Docker daemons networks of their own: run as root";
  if (onPath("dockerd").length === 0) return "dockerd is not installed: apt-get install docker.io";
  if (onPath("ip").length === 0) return "ip is not installed: apt-get install iproute2";
  return false;
})();

export interface EngineNodesOptions {
  count?: number;
  /** In their order: the machine's own Docker when left out. */
  engines?: readonly NodeEngine[];
}

/** What a node runs. */
export interface NodeEngine {
  /** Comes first in its PATH. */
  path?: string;
  /** What is run instead of `dockerd`: it serves the API at the socket, and keeps all that it has in the folder. */
  command?(place: { folder: string; socket: string; gateway: string }): readonly string[];
}

export async function startEngineNodes({
  count = 1,
  engines = [],
}: EngineNodesOptions = {}): Promise<EngineNodes> {
  const id = randomBytes(3).toString("hex");
  const folder = mkdtempSync(join(tmpdir(), "statigo-nodes-"));
  const subnet = `10.${randomInt(192, 255)}.${randomInt(0, 255)}`;
  const gateway = `${subnet}.254`;
  const hub = startHub();
  const servers: Closable[] = [];
  const nodes: Started[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.kill()));
    for (const server of servers) server.close();
    await hub.kill();
    rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
    removeGroups(id);
  };
  try {
    await hub.ready;
    await connectHub(hub.pid(), `st${id}`, gateway);
    for (let number = 1; number <= count; number++) {
      const engine = engines[number - 1] ?? {};
      const place = { folder: join(folder, String(number)), subnet, id, number, engine };
      nodes.push(startNode(place));
    }
    await Promise.all(nodes.map((node, index) => node.connect(hub.pid(), index + 1, subnet)));
    await Promise.all(nodes.map((node) => node.untilReady()));
  } catch (error) {
    await stop();
    throw error;
  }
  const offer = async (port: number) => {
    const server = await forward(gateway, port);
    servers.push(server);
    return server.place;
  };
  return { nodes, gateway, offer, stop };
}

/** The first is the manager; resolves when every node is ready. */
export async function joinSwarm({ nodes }: Pick<EngineNodes, "nodes">): Promise<void> {
  const [manager, ...workers] = nodes;
  if (manager === undefined) throw new Error("there is no node");
  await manager.run("swarm", "init", "--advertise-addr", manager.address);
  const token = await manager.run("swarm", "join-token", "--quiet", "worker");
  await Promise.all(
    workers.map((node) => node.run("swarm", "join", "--token", token, `${manager.address}:2377`)),
  );
  await until("the nodes are ready", async () => {
    const states = (await manager.run("node", "ls", "--format", "{{.Status}}")).split("\n");
    return states.filter((state) => state === "Ready").length === nodes.length;
  });
}

interface Space {
  ready: Promise<void>;
  /** A process in it. */
  pid(): number;
  kill(): Promise<void>;
}

/** Ends with this process, even when that is killed. */
function startBound(args: readonly string[], output: number | "ignore"): ChildProcess {
  return spawn("setpriv", ["--pdeathsig", "KILL", ...args], { stdio: ["ignore", output, output] });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGKILL");
  await ended;
}

/** The nodes' switch, in a network of its own: a firewall of this machine's Docker would be in its way. */
function startHub(): Space {
  const child = startBound(["unshare", "--net", "sleep", "infinity"], "ignore");
  const pid = child.pid ?? 0;
  const ready = until("the hub has its network", () => isIn(pid, "sleep"));
  return { ready, pid: () => pid, kill: () => end(child) };
}

function isIn(pid: number, command: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim() === command;
  } catch {
    return false;
  }
}

async function inNetwork(pid: number, lines: readonly string[]): Promise<void> {
  await execute("nsenter", ["--target", String(pid), "--net", "sh", "-ec", lines.join("\n")]);
}

async function connectHub(pid: number, device: string, gateway: string): Promise<void> {
  await execute("ip", [
    "link",
    "add",
    device,
    "type",
    "veth",
    "peer",
    "name",
    "uplink",
    "netns",
    String(pid),
  ]);
  await inNetwork(pid, [
    "ip link add hub type bridge",
    "ip link set uplink master hub",
    "ip link set uplink up",
    "ip link set hub up",
  ]);
  await execute("ip", ["address", "add", `${gateway}/24`, "dev", device]);
  await execute("ip", ["link", "set", device, "up"]);
}

interface Place {
  folder: string;
  subnet: string;
  id: string;
  number: number;
  engine: NodeEngine;
}

interface Started extends EngineNode {
  connect(hub: number, number: number, subnet: string): Promise<void>;
  untilReady(): Promise<void>;
}

function startNode({ folder, subnet, id, number, engine }: Place): Started {
  const name = `node${number}`;
  const address = `${subnet}.${number}`;
  const socket = `${folder}.sock`;
  const log = `${folder}.log`;
  const host = `unix://${socket}`;
  const docker = [
    "dockerd",
    ...[
      "--data-root",
      join(folder, "data"),
      "--exec-root",
      join(folder, "exec"),
      "--pidfile",
      `${folder}.pid`,
    ],
    ...["--host", host, "--cgroup-parent", `/statigo-test-${id}-${number}`],
    // The registry's; loopback addresses are so anyway.
    ...["--insecure-registry", `${subnet}.0/24`],
  ];
  const daemon = engine.command?.({ folder, socket, gateway: `${subnet}.254` }) ?? docker;
  const path = [engine.path, process.env["PATH"], "/usr/sbin:/sbin"].filter(Boolean).join(delimiter);
  const script = `ip link set lo up; hostname ${name}; until ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done; exec ${daemon.join(" ")}`;
  const namespaces = ["--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const child = startBound(
    ["unshare", ...namespaces, "env", `PATH=${path}`, "sh", "-c", script],
    openSync(log, "w"),
  );
  const client = dockerClients()[0] ?? "docker";
  const run = async (...args: readonly string[]) => {
    const settings = { timeout: 60_000, maxBuffer: 2 ** 26 };
    return (await execute(client, ["--host", host, ...args], settings)).stdout.trim();
  };
  /** The first process inside: the only child of the one that made the namespaces. */
  const inner = () => Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim());
  return {
    name,
    address,
    host,
    run,
    async readPage(url) {
      const curl = ["curl", "--silent", "--show-error", "--fail", "--max-time", "5", url];
      return (await execute("nsenter", ["--target", String(inner()), "--net", ...curl])).stdout;
    },
    kill: () => end(child),
    async connect(hub, place, net) {
      await until(`${name} has its network`, () => inner() > 0 && isIn(inner(), "sh"));
      const pid = inner();
      const device = `n${place}`;
      const peer = ["peer", "name", "eth0", "netns", String(pid)];
      await inNetwork(hub, [
        `ip link add ${device} type veth ${peer.join(" ")}`,
        `ip link set ${device} master hub`,
        `ip link set ${device} up`,
      ]);
      const words = [`ip address add ${net}.${place}/24 dev eth0`, "ip link set eth0 up"];
      await inNetwork(pid, [...words, `ip route add default via ${net}.254`]);
    },
    untilReady: () =>
      until(
        `${name}'s daemon answers (its log: ${log})`,
        () =>
          run("version").then(
            () => true,
            () => false,
          ),
        60_000,
      ),
  };
}

interface Closable {
  place: string;
  close(): void;
}

async function forward(gateway: string, port: number): Promise<Closable> {
  const sockets = new Set<Socket>();
  const server = createServer((inward) => {
    const outward = connect(port, "127.0.0.1");
    for (const socket of [inward, outward]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
    }
    inward.pipe(outward).pipe(inward);
  });
  await new Promise<void>((resolve) => server.listen(0, gateway, resolve));
  const address = server.address();
  const own = typeof address === "object" && address !== null ? address.port : 0;
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { place: `${gateway}:${own}`, close };
}

/** The kernel keeps control groups whose processes are gone. */
function removeGroups(id: string): void {
  const found = globSync(`/sys/fs/cgroup/{*/,}statigo-test-${id}-*/{,**/}`);
  for (const group of found.sort((a, b) => b.length - a.length)) {
    try {
      rmdirSync(group);
    } catch {
      // One that is still being emptied stays; it takes nothing.
    }
  }
}
