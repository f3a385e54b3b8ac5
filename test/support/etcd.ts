/** A real etcd for tests, on loopback and free ports, which can be ended and started again with what it had. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEtcdClient, type EtcdClient } from "../../hook/etcd-api/client.ts";
import { keysUnder } from "../../hook/etcd-api/keys.ts";
import { readRange } from "../../hook/etcd-api/store.ts";
import { missingPackage, type RunningProgram, startProgram, waitUntilReady } from "./debian-program.ts";
import { freePorts } from "./free-port.ts";

/** For a test's `skip`. */
export const etcdMissing = missingPackage("etcd-server", "etcd");

export interface Etcd {
  /** `http://127.0.0.1:<port>`, one for each member. */
  nodes: string[];
  client: EtcdClient;
  /** What is under a prefix, by key. */
  read(prefix: string): Promise<Record<string, string>>;
  /** A call of its JSON API that the hook has no need of. */
  call(path: string, body: object): Promise<Record<string, unknown>>;
  /** Ends a member at once, as a power failure does; all when left out. */
  kill(member?: number): Promise<void>;
  /** Starts those that were ended, with what they had. */
  start(): Promise<void>;
  /** Keeps a member from running and from answering, and lets it go on. */
  freeze(member: number): void;
  thaw(member: number): void;
  stop(): Promise<void>;
}

export interface EtcdOptions {
  members?: number;
  tls?: { certificate: string; key: string };
}

export async function startEtcd({ members = 1, tls }: EtcdOptions = {}): Promise<Etcd> {
  const folder = mkdtempSync(join(tmpdir(), "statigo-etcd-"));
  const ports = await freePorts(2 * members);
  const scheme = tls === undefined ? "http" : "https";
  const nodes = ports.slice(0, members).map((port) => `${scheme}://127.0.0.1:${port}`);
  const peers = ports.slice(members).map((port) => `http://127.0.0.1:${port}`);
  const cluster = peers.map((peer, index) => `m${index}=${peer}`).join(",");
  const running: (RunningProgram | undefined)[] = [];
  const argumentsOf = (index: number) => [
    ...["--name", `m${index}`, "--data-dir", join(folder, String(index)), "--log-level", "error"],
    ...["--listen-client-urls", nodes[index] ?? "", "--advertise-client-urls", nodes[index] ?? ""],
    ...["--listen-peer-urls", peers[index] ?? "", "--initial-advertise-peer-urls", peers[index] ?? ""],
    ...["--initial-cluster", cluster, "--heartbeat-interval", "50", "--election-timeout", "500"],
    ...(tls === undefined ? [] : ["--cert-file", tls.certificate, "--key-file", tls.key]),
  ];
  const start = async () => {
    for (let index = 0; index < members; index++) running[index] ??= startProgram("etcd", argumentsOf(index));
    const [first] = running;
    if (first !== undefined) await waitUntilReady(first, isReady);
  };
  const client = createEtcdClient({
    nodes: nodes.map((node) => new URL(node)),
    tls: { rejectUnauthorized: false } as object,
    dialTimeoutMs: 1_000,
  });
  const call = async (path: string, body: object) => ({
    ...(await client.call({ path, body: { ...body }, what: path, signal: AbortSignal.timeout(60_000) })),
  });
  /** It has a leader; with access control this is all that it tells a stranger. */
  const isReady = async () => Number((await call("maintenance/status", {}))["leader"] ?? 0) !== 0;
  const kill = async (member?: number) => {
    for (const [index, program] of running.entries()) {
      if (member !== undefined && member !== index) continue;
      running[index] = undefined;
      await program?.kill();
    }
  };
  await start();
  return {
    nodes,
    client,
    call,
    kill,
    start,
    freeze: (member) => void running[member]?.child.kill("SIGSTOP"),
    thaw: (member) => void running[member]?.child.kill("SIGCONT"),
    async read(prefix) {
      const { entries } = await readRange(client, keysUnder(prefix), { signal: AbortSignal.timeout(60_000) });
      return Object.fromEntries(entries.map(({ key, value }) => [key, value]));
    },
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
