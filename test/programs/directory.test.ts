/**
 * The platform without an engine: a real registry, the hook and the server as docs/targets/directory.md sets them up,
 * from the webhook to the changed page.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import type { Deployment } from "../../hook/store/deployment.ts";
import { freePorts } from "../support/free-port.ts";
import { dockerHubBody, postWebhook, temporaryFolder, until } from "../support/hook.ts";
import { type HookProcess, spawnHook } from "../support/hook-process.ts";
import { pageOf, startPageLoad } from "../support/page-load.ts";
import {
  passwordAuth,
  type Registry,
  registryMissing,
  registryUser,
  startRegistry,
} from "../support/registry.ts";
import { cleanEnvironment, nativeRuntime, nodeRuntime, type Runtime } from "../support/server-process.ts";
import { buildImage, pushParts, siteImage, tarOf } from "../support/site-images.ts";

const page = readFileSync(new URL("../../docs/targets/directory.md", import.meta.url), "utf8");

/** The first block of a language that has a text in it. */
function blockWith(language: string, text: string): string {
  const blocks = [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))];
  const found = blocks.map(([, block = ""]) => block).find((block) => block.includes(text));
  assert.ok(found !== undefined, `docs/targets/directory.md has no ${language} block with ${text}`);
  return found;
}

function commandOf(unit: string): string[] {
  return /^ExecStart=(.*)$/m.exec(blockWith("ini", unit))?.[1]?.split(" ") ?? [];
}

const environment = {
  HOOK_API_TOKEN: "api-token-0123456789",
  BLOG_SECRET: "blog-secret-0123456789",
  REGISTRY_PASSWORD: registryUser.password,
};
const authorization = `Basic ${Buffer.from(`${registryUser.username}:${registryUser.password}`).toString("base64")}`;

/** The machine of the docs: its folder, its ports and its registry are the test's, nothing else is another. */
interface Machine {
  folder: string;
  siteUrl: string;
  hook: HookProcess;
  startHook(): Promise<HookProcess>;
  sites: string;
  push(tag: string): Promise<number>;
  api(path: string, method?: string, body?: object): Promise<{ [key: string]: unknown }>;
  untilEnded(id: number): Promise<Deployment>;
  stop(): Promise<void>;
}

async function startMachine(runtime: Runtime, registry: Registry): Promise<Machine> {
  const folder = temporaryFolder();
  const [hookPort = 0, sitePort = 0] = await freePorts(2);
  const image = `${registry.host}/acme/blog`;
  const here = (text: string) =>
    text
      .replaceAll("/var/lib/statigo", folder)
      .replaceAll("127.0.0.1:8080", `127.0.0.1:${sitePort}`)
      .replaceAll("127.0.0.1:4500", `127.0.0.1:${hookPort}`)
      .replaceAll("registry.example.org/acme/blog", image)
      .replaceAll("username: acme", `username: ${registryUser.username}`);
  writeFileSync(join(folder, "hook.yaml"), here(blockWith("yaml", "listen: 127.0.0.1:4500")));
  execFileSync("/bin/sh", ["-ec", here(blockWith("sh", "releases/none"))]);
  const [serverProgram, ...serverFlags] = commandOf("The blog").map(here);
  assert.equal(serverProgram, "/opt/statigo/statigo");
  const [program = "", ...words] = runtime.command;
  const server = spawn(program, [...words, ...serverFlags], { env: cleanEnvironment(), stdio: "ignore" });
  const serverEnded = once(server, "exit");
  const [node, script, ...hookArguments] = commandOf("The deploy hook").map(here);
  assert.deepEqual([node, script], ["/usr/bin/node", "/opt/statigo/hook.js"]);
  const hookOrigin = `http://127.0.0.1:${hookPort}`;
  const siteUrl = `http://127.0.0.1:${sitePort}`;
  const machine: Machine = {
    folder,
    siteUrl,
    sites: join(folder, "sites/blog"),
    hook: undefined as unknown as HookProcess,
    async startHook() {
      machine.hook = spawnHook(hookArguments, environment);
      await until(
        "the hook listens",
        () => machine.hook.origin() !== "" || machine.hook.child.exitCode !== null,
      );
      return machine.hook;
    },
    async push(tag) {
      const answer = await postWebhook(
        `${hookOrigin}/hooks/blog/${environment.BLOG_SECRET}`,
        dockerHubBody(image, tag),
      );
      const text = await answer.text();
      assert.equal(answer.status, 202, text);
      const [{ id = 0 } = {}] = (await machine.api("/api/deployments?limit=1")).deployments as {
        id: number;
      }[];
      return id;
    },
    async api(path, method = "GET", body) {
      const headers = {
        authorization: `Bearer ${environment.HOOK_API_TOKEN}`,
        "content-type": "application/json",
      };
      const answer = await fetch(`${hookOrigin}${path}`, {
        method,
        headers,
        ...(body && { body: JSON.stringify(body) }),
      });
      const parsed = (await answer.json()) as { [key: string]: unknown };
      assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${JSON.stringify(parsed)}`);
      return parsed;
    },
    async untilEnded(id) {
      let found: Deployment | undefined;
      const isOver = async () => {
        found = (await machine.api(`/api/deployments/${id}`)) as unknown as Deployment;
        return ["succeeded", "failed", "rolled-back", "superseded"].includes(found.state);
      };
      await until(`deployment ${id} has ended`, isOver);
      return found as Deployment;
    },
    async stop() {
      for (const child of [machine.hook.child, server]) child.kill("SIGKILL");
      await Promise.all([machine.hook.ended, serverEnded]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    await machine.startHook();
    await until("the server answers", () =>
      fetch(siteUrl).then(
        () => true,
        () => false,
      ),
    );
  } catch (error) {
    await machine.stop();
    throw error;
  }
  return machine;
}

function release(tag: string, version = tag) {
  return siteImage({
    "index.html": pageOf(tag),
    "version.txt": `${version}\n`,
    [`assets/${tag}.js`]: `"${tag}"`,
  });
}

describe("a small machine without an engine", { skip: registryMissing }, () => {
  let registryFolder: string;
  let registry: Registry;
  const machines: Machine[] = [];
  before(async () => {
    registryFolder = temporaryFolder();
    registry = await startRegistry({ configuration: { auth: passwordAuth(registryFolder) } });
  });
  afterEach(async () => {
    for (const machine of machines.splice(0)) await machine.stop();
  });
  after(async () => {
    await registry.stop();
    rmSync(registryFolder, { recursive: true, force: true });
  });
  const pushImage = (tag: string, parts = release(tag)) =>
    pushParts(registry, "acme/blog", tag, parts, authorization);
  /** With a layer in the registry of which one bit is another. */
  async function pushDamaged(tag: string): Promise<void> {
    const parts = release(tag);
    await pushImage(tag, parts);
    const [layer = ""] = [...parts.blobs.keys()].slice(-1);
    const bytes = readFileSync(registry.blobFile(layer));
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(registry.blobFile(layer), bytes);
  }
  async function start(runtime: Runtime): Promise<Machine> {
    const machine = await startMachine(runtime, registry);
    machines.push(machine);
    return machine;
  }

  for (const [runtime, letter] of [
    [nodeRuntime, "v"],
    [nativeRuntime, "n"],
  ] as const) {
    const [first, second, damaged, sick] = [1, 2, 3, 4].map((number) => `${letter}${number}`) as [
      string,
      string,
      string,
      string,
    ];
    test(`changes its page with each webhook, and loses no request over good and bad releases (${runtime.name})`, {
      skip: runtime.missing,
    }, async (t) => {
      const machine = await start(runtime);
      const assertCurrent = (tag: string) => {
        const target = readlinkSync(join(machine.sites, "current"));
        assert.ok(`${target}-`.startsWith(`releases/${tag}-`), target);
      };
      const deploy = async (tag: string, expected: string) => {
        const ended = await machine.untilEnded(await machine.push(tag));
        assert.equal(ended.state, expected, ended.reason ?? "");
        return ended.reason ?? "";
      };
      const digest = await pushImage(first);
      await deploy(first, "succeeded");
      assertCurrent(`${first}-${digest.slice(7, 19)}`);
      const load = startPageLoad(`${machine.siteUrl}/`);
      try {
        await pushImage(second);
        await deploy(second, "succeeded");
        assertCurrent(second);

        await pushDamaged(damaged);
        const tag = second;
        const reason = await deploy(damaged, "failed");
        assert.match(
          reason,
          new RegExp(`^what came for sha256:\\w+ is sha256:\\w+; ${tag} goes on serving$`),
        );
        assertCurrent(second);
        assert.equal(existsSync(join(machine.sites, "staging")), false);

        await pushImage(sick, release(sick, "another"));
        await deploy(sick, "rolled-back");
        assertCurrent(second);

        const startedMs = performance.now();
        const { id } = (await machine.api("/api/services/blog/rollback", "POST", {})) as { id: number };
        const back = await machine.untilEnded(id);
        assert.equal(back.state, "succeeded", back.reason ?? "");
        t.diagnostic(`back by the API, verified, after ${Math.round(performance.now() - startedMs)} ms`);
        assertCurrent(first);
        assert.equal(await (await fetch(machine.siteUrl)).text(), pageOf(first));
      } finally {
        await load.stop();
      }
      t.diagnostic(
        `${load.failures.length} of ${load.requests()} requests failed: ${JSON.stringify([...load.shown])}`,
      );
      assert.deepEqual(load.failures, []);
      assert.deepEqual([...load.shown.keys()].sort(), [first, second, sick]);
      assert.ok(load.requests() > 200);
    });
  }

  test("takes a release up again that a killed hook has left half unpacked", async () => {
    const machine = await start(nodeRuntime);
    await pushImage("w1");
    assert.equal((await machine.untilEnded(await machine.push("w1"))).state, "succeeded");
    const files = Array.from({ length: 3000 }, (_, index) => ({
      name: `www/${index}.html`,
      content: `page ${index}`,
    }));
    const version = { name: "www/version.txt", content: "w2" };
    await pushImage("w2", buildImage([{ archive: tarOf([version, ...files]) }]));
    const id = await machine.push("w2");
    const staging = join(machine.sites, "staging");
    const isUnpacking = () => {
      if (!existsSync(staging)) return false;
      const [unpacking = ""] = readdirSync(staging);
      const site = join(staging, unpacking, "site");
      return existsSync(site) && readdirSync(site).length > 100;
    };
    await until("it is being unpacked", isUnpacking);
    machine.hook.child.kill("SIGKILL");
    await machine.hook.ended;
    assert.match(readlinkSync(join(machine.sites, "current")), /^releases\/w1-/);
    assert.equal(existsSync(staging), true);
    assert.equal((await fetch(machine.siteUrl)).status, 200);
    // Killed between a release's place and its record: nobody's folder.
    mkdirSync(join(machine.sites, "releases/w9-000000000000"));
    await machine.startHook();
    const ended = await machine.untilEnded(id);
    assert.equal(ended.state, "succeeded", ended.reason ?? "");
    assert.match(readlinkSync(join(machine.sites, "current")), /^releases\/w2-/);
    assert.equal(readdirSync(join(machine.sites, "current/")).length, 3001);
    assert.deepEqual(readdirSync(machine.sites).sort(), ["current", "previous", "records", "releases"]);
    assert.deepEqual(
      readdirSync(join(machine.sites, "releases"))
        .map((name) => name.slice(0, 2))
        .sort(),
      ["w1", "w2"],
    );
  });

  test("is told by hook check what would happen", async () => {
    const machine = await start(nodeRuntime);
    const { output, status } = await spawnHook(
      ["check", "--config", join(machine.folder, "hook.yaml")],
      environment,
    ).ended;
    assert.equal(status, 0, output);
    assert.match(
      output,
      /services\.blog: directory +would unpack the image's WORKDIR into \S+\/sites\/blog \(where it goes when no folder is named\), which has no release yet, and keep 5 releases; the registry at http:\S+ lets \S+ be read/,
    );
  });
});
