/**
 * From `statigo init` to a deployed release, on a real Engine: the engine's file is started as it says, the hook runs
 * with the config that was written, and a webhook to the URL that was printed brings the next release.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { isOnPath } from "../../build/setup.ts";
import { startCommand } from "../support/command-line.ts";
import { dockerClients } from "../support/docker-client.ts";
import { freePorts } from "../support/free-port.ts";
import { until } from "../support/hook.ts";
import { readPage, startSwarm, swarmMissing, type TestSwarm, untilServing } from "../support/swarm.ts";

const execute = promisify(execFile);
const first = "release-20260102030405";
const second = "release-20260708091011";

describe("what init writes for an Engine", { skip: swarmMissing }, () => {
  const folder = mkdtempSync(join(tmpdir(), "statigo-init-engines-"));
  const hooks: ChildProcess[] = [];
  let swarm: TestSwarm;

  before(async () => {
    swarm = await startSwarm();
    for (const tag of [first, second]) await swarm.push(tag);
  });
  after(async () => {
    for (const hook of hooks) hook.kill();
    await swarm.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A site's folder, and the webhook's URL that was printed. */
  async function init(name: string, engine: string): Promise<{ site: string; path: string }> {
    const args = ["init", "html", name, "--engine", engine, "--image", swarm.image];
    const { status, out, err } = await startCommand(args, {}, folder).ended;
    assert.equal(status, 0, err);
    const path = /https:\/\/hook\.example\.org(\/hooks\/\S+)/.exec(out)?.[1];
    assert.ok(path !== undefined, out);
    return { site: join(folder, name), path };
  }

  /** The file with what this Engine, in a network of its own, needs another way. */
  function change(file: string, from: string, to: string): void {
    const text = readFileSync(file, "utf8");
    assert.ok(text.includes(from), `${file} has no '${from}'`);
    writeFileSync(file, text.replace(from, to));
  }

  async function runOnEngine(program: string, ...args: string[]): Promise<void> {
    const env = { ...process.env, DOCKER_HOST: swarm.manager.host, TAG: first };
    await execute(program, args, { env, timeout: 120_000 });
  }

  /** Starts the hook with the config in the site's folder, and answers its address. */
  async function startHook(site: string): Promise<string> {
    const config = join(site, "deploy/hook.yaml");
    const [port = 0] = await freePorts(1);
    change(config, "127.0.0.1:4500", `127.0.0.1:${port}`);
    const command = startCommand(["hook", "run", "--config", config]);
    hooks.push(command.child);
    const origin = `http://127.0.0.1:${port}`;
    await until("the hook listens", async () => {
      assert.equal(command.child.exitCode, null, command.err());
      return (await fetch(`${origin}/health`).catch(() => undefined))?.status === 204;
    });
    return origin;
  }

  async function deploy(origin: string, path: string): Promise<void> {
    const form = new URLSearchParams({ image: swarm.image, tag: second });
    const answer = await fetch(`${origin}${path}`, { method: "POST", body: form });
    assert.equal(answer.status, 202, await answer.text());
  }

  const compose = isOnPath("docker-compose") ? false : "docker-compose is not installed";
  test("a container by Compose is replaced when the webhook comes", { skip: compose }, async () => {
    const { site, path } = await init("composed", "compose");
    const file = join(site, "deploy/compose.yaml");
    change(file, '"127.0.0.1:8080:3000"', '"8080:3000"');
    await runOnEngine("docker-compose", "-f", file, "up", "-d");
    const shows = (page: string) => async () =>
      (await readPage(`${swarm.manager.address}:8080`).catch(() => "")) === page;
    await until("the first release is shown", shows(first), 30_000);
    const hook = join(site, "deploy/hook.yaml");
    change(hook, "container: composed", `container: composed, engine: "${swarm.manager.host}"`);
    await deploy(await startHook(site), path);
    await until("the second release is shown", shows(second), 60_000);
  });

  test("a stack's service is updated when the webhook comes", async () => {
    const { site, path } = await init("stacked", "swarm");
    const file = join(site, "deploy/stack.yml");
    await swarm.manager.run("network", "create", "--driver", "overlay", "proxy");
    // No virtual addresses on every kernel; and there is no proxy here, so the tasks' own ports are asked.
    const here = join(folder, "here.yml");
    const service = {
      deploy: { endpoint_mode: "dnsrr", update_config: { delay: "0s" } },
      ports: [{ target: 3000, mode: "host" }],
    };
    writeFileSync(here, JSON.stringify({ version: "3.8", services: { www: service } }));
    const [docker = "docker"] = dockerClients();
    await runOnEngine(docker, "stack", "deploy", "-c", file, "-c", here, "stacked");
    await untilServing(swarm, "stacked_www", first, 2).catch(async (error: Error) => {
      throw new Error(
        `${error.message}:\n${await swarm.manager.run("service", "ps", "--no-trunc", "stacked_www")}`,
      );
    });
    const hook = join(site, "deploy/hook.yaml");
    change(hook, "service: stacked_www", `service: stacked_www, engine: "${swarm.manager.host}"`);
    await deploy(await startHook(site), path);
    await untilServing(swarm, "stacked_www", second, 2);
  });
});
