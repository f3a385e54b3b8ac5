/**
 * Every fenced snippet of the README is executed, in a copy of the repository without anything installed or built, in
 * the order in which a newcomer reads them. What is replaced in a snippet is replaced by name, and only this: ports
 * (a fixed one may be taken), image tags (`statigo` may be an image of whoever runs the tests), paths of secrets.
 */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { findConsul, startConsul } from "../support/consul.ts";
import { eventually, printedCurl, repository } from "../support/demo.ts";
import { ensureDocker, isAvailable } from "../support/docker.ts";
import { freePorts } from "../support/free-port.ts";
import { startHook, type TestHook } from "../support/hook.ts";
import { sizeOf, testTag } from "../support/images.ts";
import { startPortainer } from "../support/portainer.ts";
import { readme, snippetsOf } from "../support/readme.ts";

const execute = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "statigo-readme-"));
const copy = join(folder, "statigo");
const site = join(folder, "site");
const secret = "secret-secret-secret-secret";
const baseTag = testTag("readme-base");
const siteTag = testTag("readme-site");

const docker = await ensureDocker("node:24-bookworm-slim");
const consul = await findConsul();
const dockerMissing = isAvailable(docker) ? false : docker.reason;
const consulMissing = "reason" in consul ? consul.reason : false;

interface Execution {
  skip?: string | false;
  run: (text: string) => Promise<void>;
}

const executions: Record<string, Execution> = {
  "Try it, sh 1": { run: startTheDemo },
  "Try it, sh 2": { run: isWhatContinuousIntegrationRuns },
  "A site's image, sh 1": { run: buildTheBaseImage, skip: dockerMissing },
  "A site's image, dockerfile 1": { run: writeTheSite },
  "A site's image, sh 2": { run: buildAndRunTheSite, skip: dockerMissing },
  "Starting from a template, sh 1": { run: copyATemplate },
  "The hook, sh 1": { run: startTheHook },
  "Consul, for Nomad, yaml 1": { run: deployThroughConsul, skip: consulMissing },
  "Portainer, yaml 1": { run: deployThroughPortainer },
  "A command, yaml 1": { run: deployThroughACommand },
  "What it answers, sh 1": { run: sendAWebhook },
};

const snippets = snippetsOf(readme);

describe("the README", () => {
  before(() => {
    const left = new Set(
      ["node_modules", "dist", ".git", ".cache", ".demo"].map((name) => join(repository, name)),
    );
    cpSync(repository, copy, { recursive: true, filter: (source) => !left.has(source) });
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    if (isAvailable(docker)) await docker.run(["image", "rm", "--force", siteTag]).catch(() => "");
    await docker.stop();
  });

  test("every snippet has a way to be executed, and every way has its snippet", () => {
    assert.deepEqual(
      snippets.map(({ key }) => key),
      Object.keys(executions),
    );
  });

  for (const { key, text } of snippets) {
    const execution = executions[key];
    if (execution === undefined) continue;
    test(`${key} does what it says`, { skip: execution.skip ?? false }, () => execution.run(text));
  }
});

/** Replaces what a test has to, and fails when the snippet no longer has it. */
function replace(text: string, replacements: Record<string, string>): string {
  return Object.entries(replacements).reduce((result, [from, to]) => {
    assert.ok(result.includes(from), `the snippet has no '${from}' any more`);
    return result.replaceAll(from, to);
  }, text);
}

function shell(
  text: string,
  cwd: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<{ stdout: string }> {
  return execute("bash", ["-e", "-c", text], { cwd, env: environment, timeout: 600_000, maxBuffer: 2 ** 26 });
}

/** Runs a line that does not end by itself, until `isDone`, then ends it as Ctrl-C does. */
async function shellUntil(
  text: string,
  cwd: string,
  environment: NodeJS.ProcessEnv,
  isDone: (output: string) => Promise<true | undefined> | true | undefined,
  end?: () => Promise<unknown>,
): Promise<void> {
  const child = spawn("bash", ["-e", "-c", text], { cwd, env: environment, detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
    });
  }
  const ended = once(child, "close");
  try {
    await eventually(`${text} does its work`, () => isDone(output), 300_000);
  } catch (error) {
    throw new Error(`${(error as Error).message}; it said:\n${output}`);
  } finally {
    if (end === undefined && child.pid !== undefined) process.kill(-child.pid, "SIGINT");
    await end?.();
    await ended;
  }
}

async function startTheDemo(text: string): Promise<void> {
  const [site = 0, hook = 0] = await freePorts(2);
  // Without the tests' own Node in front: npm has to find the one that npm ci installs.
  const environment = { ...process.env, PORT: String(site), HOOK_PORT: String(hook) };
  await shellUntil(text, copy, environment, async (output) => {
    if (printedCurl(output) === undefined) return undefined;
    const page = await (await fetch(`http://127.0.0.1:${site}`)).text();
    assert.match(page, /<h1>Harbour Events<\/h1>/);
    return true;
  });
}

/** It cannot be run from within itself; it is what started this very test there. */
async function isWhatContinuousIntegrationRuns(text: string): Promise<void> {
  assert.ok(readFileSync(join(copy, ".ci/run"), "utf8").split("\n").includes(text.trim()));
}

async function buildTheBaseImage(text: string): Promise<void> {
  if (!isAvailable(docker)) return;
  const environment = { ...docker.environment, DOCKER_BUILDKIT: "1" };
  await shell(replace(text, { "-t statigo": `-t ${baseTag}` }), copy, environment);
  const measuredKb = Math.round((await sizeOf(docker, baseTag)) / 1000);
  const statedKb = Number(/base image, which is (\d+) kB/.exec(readme)?.[1]);
  // Compilers of different Debian releases differ by a few kilobytes.
  assert.ok(
    Math.abs(statedKb - measuredKb) <= 5,
    `the README says ${statedKb} kB, measured are ${measuredKb} kB`,
  );
}

/** A site as the text before it says: `npm run build` writes it to `_site`. */
async function writeTheSite(text: string): Promise<void> {
  assert.equal(text.trimEnd().split("\n").length, 4, "the README says four lines");
  cpSync(join(copy, "templates/mustache"), site, { recursive: true });
  writeFileSync(join(site, "Dockerfile"), replace(text, { "FROM statigo": `FROM ${baseTag}` }));
}

async function buildAndRunTheSite(text: string): Promise<void> {
  if (!isAvailable(docker)) return;
  const [port = 0] = await freePorts(1);
  const name = `statigo-readme-${port}`;
  const line = replace(text, {
    "my-site": siteTag,
    "-p 3000:3000": `--name ${name} -p 127.0.0.1:${port}:3000`,
  });
  const environment = { ...docker.environment, DOCKER_BUILDKIT: "1" };
  const isServed = async () => {
    const page = await fetch(`http://127.0.0.1:${port}`).catch(() => undefined);
    return (await page?.text())?.includes("<h1>Harbour Events</h1>") || undefined;
  };
  await shellUntil(line, site, environment, isServed, () => docker.run(["stop", name]).catch(() => ""));
}

async function copyATemplate(text: string): Promise<void> {
  const { stdout } = await shell(text, copy, withInstalledNode());
  assert.match(stdout, /docker build -t my-site \./);
  for (const file of ["Dockerfile", ".dockerignore", ".gitignore", "index.mustache"]) {
    assert.ok(existsSync(join(copy, "my-site", file)), file);
  }
}

/** Node 24, as a reader has it who runs `node` by hand. */
function withInstalledNode(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${join(copy, "node_modules/.bin")}:${process.env["PATH"]}` };
}

function snippet(key: string): string {
  return snippets.find((each) => each.key === key)?.text ?? assert.fail(`the README has no ${key}`);
}

/** With the configuration of the next snippet, and an address of its own. */
async function startTheHook(text: string): Promise<void> {
  const [port = 0] = await freePorts(1);
  const config = replace(snippet("Consul, for Nomad, yaml 1"), { "127.0.0.1:4500": `127.0.0.1:${port}` });
  writeFileSync(join(copy, "hook.yaml"), config);
  const environment = { ...withInstalledNode(), HOOK_API_TOKEN: secret, BLOG_SECRET: secret };
  const { stdout } = await shell(`${text.trim()} --check`, copy, environment);
  assert.equal(stdout, "hook.yaml: good; services: blog\n");
  await shellUntil(text, copy, environment, async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    return answer?.status === 204 || undefined;
  });
}

/** Posts a webhook to a hook with this configuration and waits for the deployment to end well. */
async function deploy(yaml: string, environment: Record<string, string>, service: string, image: string) {
  const hook = await startHook(yaml, { environment });
  try {
    await postTo(hook, service, image);
  } finally {
    await hook.stop();
  }
}

async function postTo(hook: TestHook, service: string, image: string): Promise<void> {
  const body = { push_data: { tag: "release-20260102030405" }, repository: { repo_name: image } };
  const answer = await fetch(`${hook.origin}/hooks/${service}/${secret}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, 202);
  assert.equal((await hook.untilEnded(1)).state, "succeeded");
}

/** The snippets after the first show a service alone. */
function asWholeConfig(services: string): string {
  return `listen: 127.0.0.1:0\nstore: ./hook.db\n${services}`;
}

async function deployThroughConsul(text: string): Promise<void> {
  if ("reason" in consul) return;
  const agent = await startConsul(consul);
  try {
    const yaml = replace(text, { "127.0.0.1:4500": "127.0.0.1:0", "http://127.0.0.1:8500": agent.address });
    await deploy(yaml, { HOOK_API_TOKEN: secret, BLOG_SECRET: secret }, "blog", "stut/blog");
    assert.equal(await agent.read("configs/stut/blog/IMAGE_TAG"), "release-20260102030405");
  } finally {
    await agent.stop();
  }
}

async function deployThroughPortainer(text: string): Promise<void> {
  const portainer = await startPortainer();
  const token = /api\/webhooks\/([\w-]+)/.exec(text)?.[1] ?? "";
  const service = { image: "registry.gitlab.com/lucj/sophia.events:1", updates: 0 };
  portainer.services.set(token, service);
  const secretFile = join(folder, "events");
  writeFileSync(secretFile, `${secret}\n`);
  try {
    const yaml = replace(text, {
      "/run/secrets/events": secretFile,
      "http://127.0.0.1:9000": portainer.origin,
    });
    await deploy(asWholeConfig(yaml), {}, "events", "registry.gitlab.com/lucj/sophia.events");
    assert.equal(service.image, "registry.gitlab.com/lucj/sophia.events:release-20260102030405");
  } finally {
    await portainer.stop();
  }
}

/** A folder with the program that the snippet names; it writes down what it was told. */
function folderWithProgram(): string {
  const work = mkdtempSync(join(folder, "command-"));
  writeFileSync(join(work, "deploy.sh"), '#!/bin/sh\necho "$STATIGO_SERVICE $STATIGO_IMAGE" > deployed\n');
  chmodSync(join(work, "deploy.sh"), 0o755);
  return work;
}

async function startCommandHook(work: string): Promise<TestHook> {
  const yaml = asWholeConfig(snippet("A command, yaml 1"));
  return startHook(yaml, {
    folder: work,
    environment: { EXAMPLE_SECRET: secret, PATH: process.env["PATH"] },
  });
}

async function deployThroughACommand(): Promise<void> {
  const work = folderWithProgram();
  const hook = await startCommandHook(work);
  try {
    await postTo(hook, "example", "example/site");
    assert.equal(
      readFileSync(join(work, "deployed"), "utf8"),
      "example example/site:release-20260102030405\n",
    );
  } finally {
    await hook.stop();
  }
}

async function sendAWebhook(text: string): Promise<void> {
  const work = folderWithProgram();
  const hook = await startCommandHook(work);
  try {
    const line = replace(text, { "http://127.0.0.1:4500": hook.origin });
    const { stdout } = await shell(line, work, { ...process.env, EXAMPLE_SECRET: secret });
    assert.equal(JSON.parse(stdout).status, "accepted");
    assert.equal((await hook.untilEnded(1)).state, "succeeded");
    assert.ok(existsSync(join(work, "deployed")));
  } finally {
    await hook.stop();
  }
}
