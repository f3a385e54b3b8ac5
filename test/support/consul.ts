/**
 * A real Consul agent for tests, on loopback and free ports:
 *
 *   const consul = await findConsul();
 *   describe("…", { skip: "reason" in consul ? consul.reason : false }, () => {
 *     const agent = await startConsul(consul, { acl: true });
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { unpackFromSuite } from "./debian-suite.ts";
import { freePorts } from "./free-port.ts";

export type ConsulProgram = { program: string };

export interface ConsulAgent {
  /** `http://127.0.0.1:<port>` */
  address: string;
  /** With `acl`, a token that may do everything. */
  managementToken: string;
  /** The value of a key, `undefined` when there is none. */
  read(key: string): Promise<string | undefined>;
  write(key: string, value: string): Promise<void>;
  /** A new token with the given rules (Consul's policy language). */
  createToken(rules: string): Promise<string>;
  stop(): Promise<void>;
}

export interface ConsulOptions {
  acl?: boolean;
  /** Of the API; one that is free when left out. */
  port?: number;
  /** A certificate and key in PEM: the API then speaks TLS only. */
  tls?: { cert: string; key: string; ca: string };
}

/** Consul is in Debian's bullseye suite and in none after it. */
export async function findConsul(): Promise<ConsulProgram | { reason: string }> {
  const found = await unpackFromSuite("bullseye", "consul");
  return "reason" in found ? found : { program: join(found.folder, "usr/bin/consul") };
}

const managementToken = "00000000-0000-4000-8000-000000000001";

export async function startConsul(
  { program }: ConsulProgram,
  options: ConsulOptions = {},
): Promise<ConsulAgent> {
  const folder = mkdtempSync(join(tmpdir(), "statigo-consul-"));
  const [free = 0, server = 0, serfLan = 0, serfWan = 0] = await freePorts(4);
  const api = options.port ?? free;
  const file = join(folder, "agent.json");
  writeFileSync(file, JSON.stringify(configuration(options, { api, server, serfLan, serfWan }, folder)));
  const child = spawn(program, ["agent", "-dev", "-config-file", file], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-4000);
    });
  }
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const address = `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${api}`;
  const agent = { address, managementToken, stop, ...keyValueAccess(address) };
  if (options.tls !== undefined) return waitUntilListening(agent, () => said);
  return waitForLeader(agent, () => said);
}

function configuration(
  { acl = false, tls }: ConsulOptions,
  ports: { api: number; server: number; serfLan: number; serfWan: number },
  folder: string,
): object {
  for (const [name, text] of Object.entries(tls ?? {})) writeFileSync(join(folder, `${name}.pem`), text);
  const { api, server, serfLan: serf_lan, serfWan: serf_wan } = ports;
  return {
    bind_addr: "127.0.0.1",
    client_addr: "127.0.0.1",
    ports: { http: tls ? -1 : api, https: tls ? api : -1, server, serf_lan, serf_wan, dns: -1, grpc: -1 },
    ...(acl && { acl: { enabled: true, default_policy: "deny", tokens: { master: managementToken } } }),
    ...(tls && {
      cert_file: join(folder, "cert.pem"),
      key_file: join(folder, "key.pem"),
      ca_file: join(folder, "ca.pem"),
      verify_incoming_https: true,
    }),
  };
}

async function waitForLeader(agent: ConsulAgent, log: () => string): Promise<ConsulAgent> {
  // Writing works when there is a leader, and with `acl` when the management token is there.
  return waitFor(agent, log, () => agent.write("statigo-test/ready", "yes"));
}

/** The client certificate is the test's: here only the port is looked at. */
async function waitUntilListening(agent: ConsulAgent, log: () => string): Promise<ConsulAgent> {
  return waitFor(agent, log, async () => {
    if (!/agent: Synced node info|New leader elected|cluster leadership acquired/i.test(log()))
      throw new Error("not yet");
  });
}

async function waitFor(
  agent: ConsulAgent,
  log: () => string,
  attempt: () => Promise<void>,
): Promise<ConsulAgent> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      await attempt();
      return agent;
    } catch (error) {
      if (Date.now() < deadline) {
        await sleep(50);
        continue;
      }
      await agent.stop();
      throw new Error(`Consul did not become ready (${(error as Error).message}):\n${log()}`);
    }
  }
}

function keyValueAccess(address: string): Pick<ConsulAgent, "read" | "write" | "createToken"> {
  const headers = { "x-consul-token": managementToken };
  const ask = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`${address}/v1/${path}`, { ...init, headers });
    if (!answer.ok && answer.status !== 404) throw new Error(`${answer.status} ${await answer.text()}`);
    return answer;
  };
  const put = async (path: string, body: unknown) =>
    (await ask(path, { method: "PUT", body: JSON.stringify(body) })).json() as Promise<
      Record<string, string>
    >;
  return {
    async read(key) {
      const answer = await ask(`kv/${key}?raw`);
      const text = await answer.text();
      return answer.status === 404 ? undefined : text;
    },
    async write(key, value) {
      await (await ask(`kv/${key}`, { method: "PUT", body: value })).text();
    },
    async createToken(rules) {
      const policy = await put("acl/policy", { Name: `policy-${Date.now()}`, Rules: rules });
      const token = await put("acl/token", { Policies: [{ ID: policy["ID"] }] });
      return token["SecretID"] ?? "";
    },
  };
}
