import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Deployment } from "../../hook/store/deployment.ts";
import { type ConsulAgent, findConsul, startConsul } from "../support/consul.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { freePorts } from "../support/free-port.ts";
import { configOf, readConfig, startHook, temporaryFolder, until } from "../support/hook.ts";
import { watchTemplate } from "../support/nomad-template.ts";

const consul = await findConsul();
const skip = "reason" in consul ? consul.reason : false;
const program = "program" in consul ? consul : { program: "" };

interface Ended extends Deployment {
  log: string;
}

/** One deployment from webhook to outcome. */
async function deploy(options: Readonly<Record<string, unknown>>, tag = "v1"): Promise<Ended> {
  const target = `${JSON.stringify({ consul: options })}\n    retry: { attempts: 1 }`;
  const hook = await startHook(configOf({ blog: target }));
  try {
    assert.equal((await hook.push(tag)).status, 202);
    return { ...(await hook.untilEnded(1)), log: hook.logOf(1) };
  } finally {
    await hook.stop();
  }
}

async function readIndex(agent: ConsulAgent, key: string): Promise<number> {
  const answer = await fetch(`${agent.address}/v1/kv/${key}`);
  return ((await answer.json()) as { ModifyIndex: number }[])[0]?.ModifyIndex ?? 0;
}

describe("the Consul target, with a real agent", { skip }, () => {
  let agent: ConsulAgent;
  before(async () => {
    agent = await startConsul(program);
  });
  after(() => agent.stop());

  test("creates configs/<repository>/IMAGE_TAG, then changes it", async () => {
    const key = "configs/stut/blog/IMAGE_TAG";
    const created = await deploy({ address: agent.address }, "v1");
    assert.deepEqual([created.state, created.reason], ["succeeded", `${key} is now v1`]);
    assert.match(created.log, /is not there yet; writing v1/);
    assert.equal(await agent.read(key), "v1");
    const changed = await deploy({ address: agent.address }, "v2");
    assert.match(changed.log, /is v1; writing v2/);
    assert.equal(await agent.read(key), "v2");
  });

  test("writes any key that the config names, slashes and odd letters included", async () => {
    const key = "sites/stut/blog with space/ü?&#%2F/TAG";
    const { state } = await deploy({ address: agent.address, key });
    assert.equal(state, "succeeded");
    const answer = await fetch(`${agent.address}/v1/kv/sites/?keys`);
    assert.deepEqual(await answer.json(), [key]);
  });

  test("does not write a value that is there already: its readers would restart for nothing", async () => {
    const key = "configs/same/IMAGE_TAG";
    await agent.write(key, "v1");
    const index = await readIndex(agent, key);
    const { state, reason } = await deploy({ address: agent.address, key });
    assert.deepEqual([state, reason], ["succeeded", `${key} has the value v1 already`]);
    assert.equal(await readIndex(agent, key), index);
  });

  test("reads again when somebody else writes in between, and overwrites nothing unseen", async () => {
    const key = "configs/raced/IMAGE_TAG";
    let others = 0;
    const proxy = await startFaultProxy(agent.address);
    proxy.fail = async ({ method }) => {
      if (method !== "PUT") return undefined;
      others += 1;
      if (others === 1) await agent.write(key, "somebody-else");
      return undefined;
    };
    const { state, log } = await deploy({ address: proxy.address, key });
    await proxy.stop();
    assert.equal(state, "succeeded");
    assert.match(
      log,
      /was changed by somebody else meanwhile \(try 1 of 5\)\n.*is somebody-else; writing v1/,
    );
    assert.equal(await agent.read(key), "v1");
    assert.deepEqual(
      proxy.calls.map(({ method, url }) => `${method} ${url}`.replace(/cas=\d+/, "cas")),
      [
        "GET /v1/kv/configs%2Fraced%2FIMAGE_TAG",
        "PUT /v1/kv/configs%2Fraced%2FIMAGE_TAG?cas",
        "GET /v1/kv/configs%2Fraced%2FIMAGE_TAG",
        "PUT /v1/kv/configs%2Fraced%2FIMAGE_TAG?cas",
      ],
    );
  });

  test("gives up after five lost races and leaves the other's value", async () => {
    const key = "configs/contested/IMAGE_TAG";
    let others = 0;
    const proxy = await startFaultProxy(agent.address);
    proxy.fail = async ({ method }) => {
      if (method === "PUT") await agent.write(key, `other-${++others}`);
      return undefined;
    };
    const { state, reason } = await deploy({ address: proxy.address, key });
    await proxy.stop();
    assert.equal(state, "failed");
    assert.match(reason ?? "", /kept being changed by somebody else; find out who writes it/);
    assert.equal(await agent.read(key), "other-5");
  });

  test("reaches an agent in the datacenter that the config names", async () => {
    const { state, reason } = await deploy({ address: agent.address, datacenter: "elsewhere" });
    assert.equal(state, "failed");
    assert.match(reason ?? "", /answered 500 .*No path to datacenter/);
  });
});

describe("the Consul target, with access control", { skip }, () => {
  let agent: ConsulAgent;
  before(async () => {
    agent = await startConsul(program, { acl: true });
  });
  after(() => agent.stop());

  test("writes with a token that may", async () => {
    const token = await agent.createToken('key_prefix "configs/stut/" { policy = "write" }');
    const { state, reason } = await deploy({ address: agent.address, token });
    assert.equal(state, "succeeded", reason ?? "");
    assert.equal(await agent.read("configs/stut/blog/IMAGE_TAG"), "v1");
  });

  test("says what a token lacks, without the token", async () => {
    const token = await agent.createToken('key_prefix "configs/" { policy = "read" }');
    const { state, reason, log } = await deploy({ address: agent.address, token }, "v2");
    assert.equal(state, "failed");
    assert.match(
      reason ?? "",
      /refused the token \(403: .*Permission denied\): it needs key:write on "configs\/stut\/blog\/IMAGE_TAG"/,
    );
    assert.doesNotMatch(`${reason}${log}`, new RegExp(token));
  });

  test("says that a token is needed, and that one is unknown", async () => {
    const none = await deploy({ address: agent.address }, "v3");
    assert.match(none.reason ?? "", /refused a request without a token \(403: /);
    const unknown = await deploy(
      { address: agent.address, token: "11111111-2222-4333-8444-555555555555" },
      "v3",
    );
    assert.match(unknown.reason ?? "", /refused the token \(403: .*ACL not found/);
  });
});

describe("the Consul target, with TLS", { skip }, () => {
  let agent: ConsulAgent;
  let folder: string;
  const pem = (name: string) => join(folder, `${name}.pem`);
  before(async () => {
    folder = temporaryFolder();
    const tls = (...args: string[]) => execFileSync(program.program, ["tls", ...args], { cwd: folder });
    tls("ca", "create");
    tls("cert", "create", "-server", "-additional-ipaddress=127.0.0.1");
    tls("cert", "create", "-client");
    const files = { ca: "consul-agent-ca", cert: "dc1-server-consul-0", key: "dc1-server-consul-0-key" };
    const read = (name: string) => readFileSync(pem(name), "utf8");
    agent = await startConsul(program, {
      tls: { ca: read(files.ca), cert: read(files.cert), key: read(files.key) },
    });
  });
  after(async () => {
    await agent.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("trusts the config's authority and shows a client certificate", async () => {
    const tls = {
      ca: pem("consul-agent-ca"),
      cert: pem("dc1-client-consul-0"),
      key: pem("dc1-client-consul-0-key"),
    };
    const { state, reason } = await deploy({ address: agent.address, tls });
    assert.deepEqual([state, reason], ["succeeded", "configs/stut/blog/IMAGE_TAG is now v1"]);
  });

  test("expects the name that the config says", async () => {
    const tls = {
      ca: pem("consul-agent-ca"),
      cert: pem("dc1-client-consul-0"),
      key: pem("dc1-client-consul-0-key"),
    };
    const right = await deploy({ address: agent.address, tls: { ...tls, serverName: "server.dc1.consul" } });
    assert.equal(right.state, "succeeded", right.reason ?? "");
    const wrong = await deploy({ address: agent.address, tls: { ...tls, serverName: "other.example" } });
    assert.match(
      wrong.reason ?? "",
      /not trusted \(ERR_TLS_CERT_ALTNAME_INVALID\): check tls\.ca and tls\.serverName/,
    );
  });

  test("does not trust an authority that it was not told of", async () => {
    const { state, reason } = await deploy({ address: agent.address });
    assert.equal(state, "failed");
    assert.match(
      reason ?? "",
      /certificate that is not trusted \(\w+\): set tls\.ca to its authority's PEM file/,
    );
  });

  test("says that the agent wants a client certificate", async () => {
    const { state, reason } = await deploy({ address: agent.address, tls: { ca: pem("consul-agent-ca") } });
    assert.equal(state, "failed");
    assert.match(reason ?? "", /wants a client certificate that it trusts: set tls\.cert and tls\.key/);
  });
});

/** Takes connections and never answers. */
async function startSilentServer(): Promise<{ address: string; stop(): Promise<void> }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.on("error", () => {})));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((closed) => server.close(closed));
  };
  return { address: `http://127.0.0.1:${port}`, stop };
}

describe("the Consul target, with an agent that is away", () => {
  test("says that nothing listens", async () => {
    const [port] = await freePorts(1);
    const { state, reason } = await deploy({ address: `http://127.0.0.1:${port}` });
    assert.equal(state, "failed");
    assert.equal(reason, `nothing listens at http://127.0.0.1:${port}: is Consul running there?`);
  });

  test("waits for one that says nothing as long as the config says", async (t) => {
    const silent = await startSilentServer();
    t.after(silent.stop);
    const { state, reason } = await deploy({ address: silent.address, timeout: "1s" });
    assert.equal(state, "failed");
    assert.equal(reason, `Consul at ${silent.address} did not answer in time (time limit 1 s)`);
  });

  test("hands the deployment over when the hook stops while it waits", async (t) => {
    const silent = await startSilentServer();
    t.after(silent.stop);
    const target = JSON.stringify({ consul: { address: silent.address } });
    const hook = await startHook(configOf({ blog: target }, "deployments: { grace: 0s }"));
    await hook.push("v1");
    await until("it deploys", () => hook.store.find(1)?.state === "deploying");
    const startedMs = Date.now();
    await hook.stop();
    assert.ok(Date.now() - startedMs < 20_000);
    assert.match(hook.log(), /deployment handed-over/);
  });
});

/** The server on Node, which serves one folder for each tag: what Nomad would run as a container of that tag. */
async function startSite(folder: string, tag: string, port: number): Promise<ChildProcess> {
  const main = resolve(import.meta.dirname, "../../server/main.ts");
  const flags = ["--root-dir", join(folder, tag), "--listen-addr", `127.0.0.1:${port}`];
  const child = spawn(process.execPath, ["--import", "tsx", main, ...flags], { stdio: "ignore" });
  for (let tries = 0; tries < 500; tries++) {
    const isUp = await fetch(`http://127.0.0.1:${port}/health`).then(
      ({ status }) => status === 204,
      () => false,
    );
    if (isUp) return child;
    await sleep(20);
  }
  throw new Error("the server did not start");
}

async function stopSite(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}

describe("a Consul agent that `hook check` asks", { skip }, () => {
  let agent: ConsulAgent;
  before(async () => {
    agent = await startConsul(program, { acl: true });
  });
  after(() => agent.stop());

  const key = "configs/stut/blog/IMAGE_TAG";

  function check(options: object) {
    const hook = readConfig(configOf({ blog: JSON.stringify({ consul: options }) }), "/nowhere");
    const target = hook.services.get("blog")?.target;
    return target?.check?.({ signal: AbortSignal.timeout(60_000) });
  }

  test("says that the key may be written, and changes nothing", async () => {
    const token = await agent.createToken('key_prefix "configs/stut/" { policy = "write" }');
    const { address } = agent;
    const absent = await check({ address, token });
    assert.deepEqual(absent, {
      ok: true,
      detail: `Consul at ${address} lets ${key} be written; it is not there yet`,
    });
    assert.equal(await agent.read(key), undefined);
    await agent.write(key, "v1");
    const there = await check({ address, token });
    assert.deepEqual(there, { ok: true, detail: `Consul at ${address} lets ${key} be written; it is v1` });
    assert.equal(await agent.read(key), "v1");
  });

  test("says that a token may read the key but not write it", async () => {
    const token = await agent.createToken('key_prefix "configs/" { policy = "read" }');
    const result = await check({ address: agent.address, token });
    assert.ok(result?.ok === false);
    assert.match(
      result.problem,
      /refused the token \(403: .*it needs key:write on "configs\/stut\/blog\/IMAGE_TAG"/,
    );
  });

  test("says that nobody is there", async () => {
    const [port] = await freePorts(1);
    const result = await check({ address: `http://127.0.0.1:${port}` });
    assert.deepEqual(result, {
      ok: false,
      problem: `nothing listens at http://127.0.0.1:${port}: is Consul running there?`,
    });
  });
});

describe("a bad release through Consul", { skip }, () => {
  const key = "configs/stut/blog/IMAGE_TAG";

  /** What Nomad would make of the key: a site that shows its value, and breaks with one of them. */
  async function startConsumer(agent: ConsulAgent): Promise<{ origin: string; stop(): Promise<void> }> {
    const server = createHttpServer(async (_request, response) => {
      const tag = (await agent.read(key)) ?? "none";
      response.writeHead(tag === "v2" ? 500 : 200, { "x-version": tag }).end();
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const { port } = server.address() as AddressInfo;
    const stop = async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    };
    return { origin: `http://127.0.0.1:${port}`, stop };
  }

  test("is found out by the health gate, and the key is back at the good tag", async () => {
    const agent = await startConsul(program);
    const site = await startConsumer(agent);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder of the config
    const header = { name: "X-Version", value: "${tag}" };
    const verify = { url: site.origin, header, successes: 2, every: "20ms", timeout: "500ms" };
    const target = JSON.stringify({ consul: { address: agent.address } });
    const hook = await startHook(configOf({ blog: `${target}\n    verify: ${JSON.stringify(verify)}` }));
    try {
      await hook.push("v1");
      assert.equal((await hook.untilEnded(1)).state, "succeeded");
      await hook.push("v2");
      const { state, rolledBackTo, reason } = await hook.untilEnded(2);
      assert.deepEqual([state, rolledBackTo, await agent.read(key)], ["rolled-back", "v1", "v1"]);
      assert.match(
        reason ?? "",
        /^v2 was not healthy within 0\.5 s: .* status 500 .*; rolled back to v1, healthy/,
      );
      assert.match(hook.logOf(2), /is v1; writing v2\n(?:.*\n)*.*is v2; writing v1\n/);
    } finally {
      await hook.stop();
      await site.stop();
      await agent.stop();
    }
  });

  test("waits for an agent that is away, and is written when it is back", async () => {
    const [port = 0] = await freePorts(1);
    const address = `http://127.0.0.1:${port}`;
    const target = JSON.stringify({ consul: { address } });
    const hook = await startHook(
      configOf({ blog: `${target}\n    retry: { first: 50ms, maximum: 1s, attempts: 30 }` }),
    );
    let agent: ConsulAgent | undefined;
    try {
      await hook.push("v1");
      await until("it waits", () => hook.store.find(1)?.waitingFor === "retry");
      agent = await startConsul(program, { port });
      assert.equal((await hook.untilEnded(1)).state, "succeeded");
      assert.equal(await agent.read(key), "v1");
      assert.match(
        hook.logOf(1),
        /nothing listens at \S+ is Consul running there\?; trying again in 0\.\d s/,
      );
    } finally {
      await hook.stop();
      await agent?.stop();
    }
  });
});

describe("a Nomad job whose template reads the tag from Consul", { skip }, () => {
  test("runs the new tag after a webhook, and does not restart for what it has already", async () => {
    const agent = await startConsul(program);
    const folder = temporaryFolder();
    for (const tag of ["v1", "v2"]) {
      mkdirSync(join(folder, tag));
      writeFileSync(join(folder, tag, "index.html"), `<p>the site, ${tag}</p>`);
    }
    const [port = 0] = await freePorts(1);
    const page = async () => (await fetch(`http://127.0.0.1:${port}/`)).text();
    let site: ChildProcess | undefined;
    const job = watchTemplate({
      address: agent.address,
      folder: "configs/stut/blog",
      async restart({ IMAGE_TAG = "" }) {
        await stopSite(site);
        site = await startSite(folder, IMAGE_TAG, port);
      },
    });
    const hook = await startHook(configOf({ blog: JSON.stringify({ consul: { address: agent.address } }) }));
    try {
      await hook.push("v1");
      await job.untilRestartedWith("IMAGE_TAG", "v1");
      assert.equal(await page(), "<p>the site, v1</p>");
      await hook.push("v2");
      await job.untilRestartedWith("IMAGE_TAG", "v2");
      assert.equal(await page(), "<p>the site, v2</p>");
      // A second webhook would be a duplicate; a person may ask again.
      await hook.operations.deployTag("blog", { tag: "v2" }, "test");
      assert.equal((await hook.untilEnded(3)).state, "succeeded");
      await agent.write("configs/stut/other/IMAGE_TAG", "v9");
      await sleep(300);
      assert.equal(job.starts(), 2);
    } finally {
      await job.stop();
      await hook.stop();
      await stopSite(site);
      await agent.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
