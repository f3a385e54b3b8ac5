/**
 * Every fenced snippet of the README is executed, in a copy of the repository without anything installed or built, in
 * the order in which a newcomer reads them. What is replaced in a snippet is replaced by name, and only this: ports
 * (a fixed one may be taken), image tags (`statigo` may be an image of whoever runs the tests), paths of secrets.
 */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { findConsul } from "../support/consul.ts";
import { curlMissing, printedCurl, repository } from "../support/demo.ts";
import { ensureDocker, isAvailable } from "../support/docker.ts";
import { freePorts } from "../support/free-port.ts";
import { sizeOf, testTag } from "../support/images.ts";
import { get } from "../support/raw-http.ts";
import { readme, snippetsOf } from "../support/readme.ts";
import {
  deployThroughACommand,
  deployThroughConsul,
  deployThroughPortainer,
  deployWhatIsHealthy,
  secret,
  sendAWebhook,
  snippet,
  steerAHook,
} from "../support/readme-hook.ts";
import { registryMissing, startRegistry } from "../support/registry.ts";
import { nodeRuntime, startServer } from "../support/server-process.ts";
import { replace, shell, shellUntil } from "../support/shell.ts";

const folder = mkdtempSync(join(tmpdir(), "statigo-readme-"));
const copy = join(folder, "statigo");
const site = join(folder, "site");
const baseTag = testTag("readme-base");
const siteTag = testTag("readme-site");
const hookTag = testTag("readme-hook");

const docker = await ensureDocker("node:24-bookworm-slim", "alpine:3.23");
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
  "Starting from a template, sh 2": { run: buildTheTemplate, skip: dockerMissing },
  "Without Docker, sh 1": { run: imageWithoutDocker, skip: registryMissing },
  "What a site gets, text 1": { run: redirectAsTheRulesSay },
  "The hook, sh 1": { run: startTheHook },
  "The hook, sh 2": { run: runTheHookImage, skip: dockerMissing },
  "Consul, for Nomad, yaml 1": {
    run: async (text) =>
      "reason" in consul ? assert.fail(consul.reason) : deployThroughConsul(text, consul),
    skip: consulMissing,
  },
  "Portainer, yaml 1": { run: deployThroughPortainer },
  "A command, yaml 1": { run: deployThroughACommand },
  "Who may send, sh 1": { run: sendAWebhook, skip: curlMissing },
  "What happens with it, yaml 1": { run: deployWhatIsHealthy },
  "Seeing and steering, sh 1": { run: steer },
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

/** The rules as a site's `_redirects`, and what the server makes of a path for each of them. */
async function redirectAsTheRulesSay(text: string): Promise<void> {
  const root = mkdtempSync(join(folder, "redirects-"));
  mkdirSync(join(root, "app"));
  writeFileSync(join(root, "app/index.html"), "the application");
  writeFileSync(join(root, "_redirects"), text);
  const server = await startServer(nodeRuntime, ["-root-dir", root]);
  try {
    const placeholder = await get(server.port, "/blog/2026/hello");
    assert.deepEqual([placeholder.status, placeholder.fields.get("location")], [301, "/posts/hello"]);
    const splat = await get(server.port, "/docs/a/b");
    assert.deepEqual([splat.status, splat.fields.get("location")], [302, "https://docs.example.org/a/b"]);
    const rewrite = await get(server.port, "/app/some/view");
    assert.deepEqual([rewrite.status, rewrite.content.toString()], [200, "the application"]);
    assert.equal(server.stderr.trim().split("\n").length, 1, server.stderr);
  } finally {
    await server.stop();
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
  await buildAndRun(replace(text, { "docker build -t my-site": `docker build -t ${siteTag}` }), site);
}

/** The template asks for the image `statigo`, which may be another one where the tests run. */
async function buildTheTemplate(text: string): Promise<void> {
  const build = `docker build --build-arg STATIGO=${baseTag} -t ${siteTag}`;
  await buildAndRun(replace(text, { "docker build -t my-site": build }), copy);
}

/** Lines that end in a `docker run` of the site, in a folder. */
async function buildAndRun(text: string, folder: string): Promise<void> {
  if (!isAvailable(docker)) return;
  const [port = 0] = await freePorts(1);
  const name = `statigo-readme-${port}`;
  const line = replace(text, {
    "3000:3000 my-site": `3000:3000 ${siteTag}`,
    "-p 3000:3000": `--name ${name} -p 127.0.0.1:${port}:3000`,
  });
  const environment = { ...docker.environment, DOCKER_BUILDKIT: "1" };
  const isServed = async () => {
    const page = await fetch(`http://127.0.0.1:${port}`).catch(() => undefined);
    return (await page?.text())?.includes("<h1>Harbour Events</h1>") || undefined;
  };
  await shellUntil(line, folder, environment, isServed, () => docker.run(["stop", name]).catch(() => ""));
}

async function copyATemplate(text: string): Promise<void> {
  const { stdout } = await shell(text, copy, withInstalledNode());
  assert.match(stdout, /docker build -t my-site \./);
  for (const file of ["Dockerfile", ".dockerignore", ".gitignore", "index.mustache"]) {
    assert.ok(existsSync(join(copy, "my-site", file)), file);
  }
}

/** With the native server of this very run, and a registry on this machine. */
async function imageWithoutDocker(text: string): Promise<void> {
  const registry = await startRegistry();
  const [port = 0] = await freePorts(1);
  const line = replace(text, {
    "npm run build:native": `mkdir -p dist/native && cp ${join(repository, "dist/native/statigo")} dist/native/`,
    "registry.example.org": registry.host,
    "-root-dir my-site-v1": `-root-dir my-site-v1 -listen-addr 127.0.0.1:${port}`,
  });
  try {
    await shellUntil(
      line,
      copy,
      { ...withInstalledNode(), XDG_CACHE_HOME: join(folder, "cache") },
      async () => {
        const page = await fetch(`http://127.0.0.1:${port}`).catch(() => undefined);
        return (await page?.text())?.includes("<h1>Harbour Events</h1>") || undefined;
      },
    );
  } finally {
    await registry.stop();
  }
}

/** Node 24, as a reader has it who runs `node` by hand. */
function withInstalledNode(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${join(copy, "node_modules/.bin")}:${process.env["PATH"]}` };
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

/** With the commands that an earlier snippet has built. */
async function steer(text: string): Promise<void> {
  await steerAHook(text, copy, withInstalledNode());
}

/** With the two changes to the configuration that the text before it asks for. */
async function runTheHookImage(text: string): Promise<void> {
  if (!isAvailable(docker)) return;
  const [port = 0] = await freePorts(1);
  const name = `statigo-readme-hook-${port}`;
  const config = replace(snippet("Consul, for Nomad, yaml 1"), {
    "listen: 127.0.0.1:4500": "listen: 0.0.0.0:4500",
    "store: ./hook.db": "store: /var/lib/statigo/hook.db",
  });
  writeFileSync(join(copy, "hook.yaml"), config);
  const line = replace(text, {
    "-t statigo-hook": `-t ${hookTag}`,
    "statigo statigo-hook": `statigo ${hookTag}`,
    "-v statigo-hook": `-v ${name}`,
    "run --init -p 127.0.0.1:4500": `run --rm --name ${name} --init -p 127.0.0.1:${port}`,
  });
  const environment = {
    ...docker.environment,
    DOCKER_BUILDKIT: "1",
    HOOK_API_TOKEN: secret,
    BLOG_SECRET: secret,
  };
  const isHealthy = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    return answer?.status === 204 || undefined;
  };
  await shellUntil(line, copy, environment, isHealthy, () => docker.run(["stop", name]).catch(() => ""));
  await docker.run(["volume", "rm", "--force", name]);
}
