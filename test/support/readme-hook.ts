/** How the README's snippets about the hook are executed: each configuration really deploys. */
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type ConsulProgram, startConsul } from "./consul.ts";
import { startHook, type TestHook, temporaryFolder } from "./hook.ts";
import { startPortainer } from "./portainer.ts";
import { readme, snippetsOf } from "./readme.ts";
import { replace, shell } from "./shell.ts";

export const secret = "secret-secret-secret-secret";

export function snippet(key: string): string {
  return snippetsOf(readme).find((each) => each.key === key)?.text ?? assert.fail(`the README has no ${key}`);
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

export async function deployThroughConsul(text: string, consul: ConsulProgram): Promise<void> {
  const agent = await startConsul(consul);
  try {
    const yaml = replace(text, { "127.0.0.1:4500": "127.0.0.1:0", "http://127.0.0.1:8500": agent.address });
    await deploy(yaml, { HOOK_API_TOKEN: secret, BLOG_SECRET: secret }, "blog", "stut/blog");
    assert.equal(await agent.read("configs/stut/blog/IMAGE_TAG"), "release-20260102030405");
  } finally {
    await agent.stop();
  }
}

export async function deployThroughPortainer(text: string): Promise<void> {
  const portainer = await startPortainer();
  const token = /api\/webhooks\/([\w-]+)/.exec(text)?.[1] ?? "";
  const service = { image: "registry.gitlab.com/lucj/sophia.events:1", updates: 0 };
  portainer.services.set(token, service);
  const secretFolder = temporaryFolder();
  const secretFile = join(secretFolder, "events");
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
    rmSync(secretFolder, { recursive: true });
  }
}

const commandService = snippet("A command, yaml 1");

/** In a folder with the program that the snippet names, which writes down what it was told. */
async function withCommandHook(
  services: string,
  work: (hook: TestHook) => Promise<void>,
  told = "example example/site:release-20260102030405\n",
): Promise<void> {
  const folder = temporaryFolder();
  const program = join(folder, "deploy.sh");
  writeFileSync(program, '#!/bin/sh\necho "$STATIGO_SERVICE $STATIGO_IMAGE" > deployed\n', { mode: 0o755 });
  const environment = { EXAMPLE_SECRET: secret, CHECKED_SECRET: secret, PATH: process.env["PATH"] };
  const tokens = `api: { tokens: [{ name: test, token: ${secret}, scopes: [deploy] }] }\n`;
  const hook = await startHook(asWholeConfig(`${tokens}${services}`), { folder, environment });
  try {
    await work(hook);
    assert.equal(readFileSync(join(folder, "deployed"), "utf8"), told);
  } finally {
    await hook.stop();
    rmSync(folder, { recursive: true });
  }
}

export function deployThroughACommand(): Promise<void> {
  return withCommandHook(commandService, (hook) => postTo(hook, "example", "example/site"));
}

export function sendAWebhook(text: string): Promise<void> {
  return withCommandHook(commandService, async (hook) => {
    const line = replace(text, { "http://127.0.0.1:4500": hook.origin });
    const { stdout } = await shell(line, hook.folder, { ...process.env, EXAMPLE_SECRET: secret });
    assert.equal(JSON.parse(stdout).status, "accepted");
    assert.equal((await hook.untilEnded(1)).state, "succeeded");
  });
}

/** The site is a loopback one that says what the program was told. */
export async function deployWhatIsHealthy(text: string): Promise<void> {
  let folder = "";
  const site = createServer((_request, response) => {
    const [, tag = ""] = readFileSync(join(folder, "deployed"), "utf8").trim().split(":");
    response.end(tag);
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  const { port } = site.address() as AddressInfo;
  try {
    await withCommandHook(
      replace(text, { "127.0.0.1:8080": `127.0.0.1:${port}` }),
      async (hook) => {
        folder = hook.folder;
        await postTo(hook, "checked", "example/site");
        assert.match(hook.logOf(1), /healthy/);
      },
      "checked example/site:release-20260102030405\n",
    );
  } finally {
    site.close();
  }
}

/** Deploys two releases and goes back to the first, with the commands in `folder`. */
export function steerAHook(text: string, folder: string, environment: NodeJS.ProcessEnv): Promise<void> {
  return withCommandHook(commandService, async (hook) => {
    const lines = replace(text, { "http://127.0.0.1:4500": hook.origin });
    const { stdout } = await shell(lines, folder, { ...environment, HOOK_API_TOKEN: secret });
    assert.match(stdout, /^example +release-20260102030405 /m);
    assert.equal(hook.store.find(3)?.cause, "rollback");
  });
}
