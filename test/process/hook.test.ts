import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type Deployment, isEnded } from "../../hook/store/deployment.ts";
import { openStore } from "../../hook/store/store.ts";
import packageJson from "../../package.json" with { type: "json" };
import { apiToken, configOf, script, secretOf, temporaryFolder, until } from "../support/hook.ts";
import { type HookProcess, spawnHook, startHookProcess } from "../support/hook-process.ts";

const folders: string[] = [];
const started: HookProcess[] = [];
after(() => {
  for (const { child } of started) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = temporaryFolder();
  folders.push(folder);
  return folder;
}

async function start(folder: string, yaml: string, environment = {}): Promise<HookProcess> {
  const hook = await startHookProcess(folder, yaml, environment);
  started.push(hook);
  return hook;
}

function spawn(...args: string[]): HookProcess["ended"] {
  const hook = spawnHook(args);
  started.push(hook);
  return hook.ended;
}

function write(name: string, text: string): string {
  const file = join(newFolder(), name);
  writeFileSync(file, text);
  return file;
}

const gated =
  'echo "start $STATIGO_TAG" >> trace; until [ -e go ]; do sleep 0.01; done; echo "end $STATIGO_TAG" >> trace';

function traceOf(folder: string): string[] {
  const file = join(folder, "trace");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

async function askDeployment(hook: HookProcess, id: number): Promise<Deployment> {
  const headers = { authorization: `Bearer ${apiToken}` };
  return (await fetch(`${hook.origin()}/api/deployments/${id}`, { headers })).json() as Promise<Deployment>;
}

async function untilEnded(hook: HookProcess, id: number): Promise<Deployment> {
  for (;;) {
    const found = await askDeployment(hook, id);
    if (isEnded(found)) return found;
  }
}

describe("the hook's process", { concurrency: 3 }, () => {
  test("never writes a secret, whatever is asked of it", async () => {
    const folder = newFolder();
    const environment = {
      BLOG_SECRET: secretOf("blog"),
      API_TOKEN: apiToken,
      STATIGO_CONSUL: "consul-token-0123456789",
    };
    const consul = `{ consul: { address: "http://127.0.0.1:1", token: "\${STATIGO_CONSUL}" } }`;
    const yaml = configOf({ blog: `${consul}\n    retry: { attempts: 1 }` })
      .replace(secretOf("blog"), `"\${BLOG_SECRET}"`)
      .replace(`token: ${apiToken}`, "token: { env: API_TOKEN }");
    const hook = await start(folder, yaml, environment);
    const probes = [
      `/hooks/blog/${secretOf("blog")}`,
      `/hook/blog/${secretOf("blog")}`,
      `/${secretOf("blog")}%zz`,
    ];
    for (const path of probes)
      await fetch(`${hook.origin()}${path}`, { method: "POST", body: secretOf("blog") });
    assert.equal((await hook.push("blog", "v1")).status, 202);
    const ended = await untilEnded(hook, 1);
    assert.match(ended.reason ?? "", /nothing listens at http:\/\/127\.0\.0\.1:1: is Consul running there\?/);
    hook.child.kill("SIGTERM");
    const { output, errors, status } = await hook.ended;
    assert.equal(status, 0);
    assert.match(output, /"msg":"webhook accepted"/);
    for (const secret of Object.values(environment)) {
      assert.ok(!`${output}${errors}${JSON.stringify(ended)}`.includes(secret));
      for (const name of ["hook.db", "hook.db-wal"]) {
        const file = join(folder, name);
        assert.ok(!existsSync(file) || !readFileSync(file).includes(secret), `${name} has a secret in it`);
      }
    }
  });

  test("logs one JSON object a line", async () => {
    const hook = await start(newFolder(), configOf({ blog: script("echo hello") }));
    await hook.push("blog", "v1");
    await untilEnded(hook, 1);
    hook.child.kill("SIGINT");
    const { output, status } = await hook.ended;
    assert.equal(status, 0);
    const messages = output
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { msg: string }).msg);
    for (const message of [
      "webhook accepted",
      "deployment started",
      "deployment succeeded",
      "stopping",
      "stopped",
    ]) {
      assert.ok(messages.includes(message), message);
    }
    assert.deepEqual(messages.slice(-2), ["stopping", "stopped"]);
  });

  test("goes on when nobody reads its log any more", async () => {
    const hook = await start(newFolder(), configOf({ blog: script("exit 0") }));
    hook.child.stdout?.destroy();
    await hook.push("blog", "v1");
    assert.equal((await untilEnded(hook, 1)).state, "succeeded");
    hook.child.kill("SIGTERM");
    await until("it ends", () => hook.child.exitCode === 0);
  });

  test("killed while it deploys, deploys again at the next start and loses nothing that waits", async () => {
    const folder = newFolder();
    const yaml = configOf({ blog: script(gated) });
    const first = await start(folder, yaml);
    assert.equal((await first.push("blog", "v1")).status, 202);
    await until("the first deployment starts", () => traceOf(folder).length === 1);
    assert.equal((await first.push("blog", "v2")).status, 202);
    first.child.kill("SIGKILL");
    assert.equal((await first.ended).signal, "SIGKILL");
    const second = await start(folder, yaml);
    await until("it starts again", () => traceOf(folder).length === 2);
    writeFileSync(join(folder, "go"), "");
    const [one, two] = [await untilEnded(second, 1), await untilEnded(second, 2)];
    assert.deepEqual([one.state, one.attempt, two.state, two.attempt], ["succeeded", 2, "succeeded", 1]);
    second.child.kill("SIGTERM");
    assert.equal((await second.ended).status, 0);
  });

  test("killed right after a 202 has not lost the webhook", async () => {
    const folder = newFolder();
    const yaml = configOf({ blog: script(gated) });
    const first = await start(folder, yaml);
    assert.equal((await first.push("blog", "v1")).status, 202);
    first.child.kill("SIGKILL");
    await first.ended;
    const store = openStore(join(folder, "hook.db"));
    assert.equal(store.find(1)?.tag, "v1");
    store.close();
    writeFileSync(join(folder, "go"), "");
  });

  test("finishes on SIGTERM what it is deploying, and ends with 0", async () => {
    const folder = newFolder();
    const hook = await start(folder, configOf({ blog: script(gated) }));
    await hook.push("blog", "v1");
    await until("it starts", () => traceOf(folder).length === 1);
    hook.child.kill("SIGTERM");
    await until("it stops taking requests", () => hook.output().includes('"msg":"stopping"'));
    await assert.rejects(fetch(`${hook.origin()}/health`));
    writeFileSync(join(folder, "go"), "");
    assert.equal((await hook.ended).status, 0);
    assert.deepEqual(traceOf(folder), ["start v1", "end v1"]);
  });

  test("ends with 0 and leaves a deployment to the next start when the grace time is over", async () => {
    const folder = newFolder();
    const hook = await start(folder, configOf({ blog: script(gated) }, "deployments: { grace: 50ms }"));
    await hook.push("blog", "v1");
    await until("it starts", () => traceOf(folder).length === 1);
    hook.child.kill("SIGTERM");
    assert.equal((await hook.ended).status, 0);
    const store = openStore(join(folder, "hook.db"));
    assert.equal(store.find(1)?.state, "waiting");
    store.close();
  });

  test("says in one line that its port is in use, and ends with 1", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const yaml = configOf({ blog: script("exit 0") }).replace("127.0.0.1:0", `127.0.0.1:${port}`);
    const { status, errors, output } = await spawn("--config", write("hook.yaml", yaml));
    assert.equal(status, 1);
    const said = output.split("\n").filter((line) => line !== "");
    assert.deepEqual(
      said.map((line) => JSON.parse(line).msg),
      ["the store is new: the history begins here"],
    );
    assert.equal(
      errors,
      `port ${port} of 127.0.0.1 is in use: stop what listens there, or change \`listen\`\n`,
    );
    await new Promise((resolve) => other.close(resolve));
  });

  test("shares its store with another one", async () => {
    const folder = newFolder();
    const yaml = configOf({ blog: script(gated) });
    const [first, second] = [await start(folder, yaml), await start(folder, yaml)];
    await first.push("blog", "v1");
    await until("it starts", () => traceOf(folder).length === 1);
    assert.equal((await askDeployment(second, 1)).state, "deploying");
    writeFileSync(join(folder, "go"), "");
    assert.equal((await untilEnded(second, 1)).state, "succeeded");
    for (const { child, ended } of [first, second]) {
      child.kill("SIGTERM");
      assert.equal((await ended).status, 0);
    }
  });

  test("works by its config as it is now after SIGHUP, and by the one before when that is not good", async () => {
    const folder = newFolder();
    const file = join(folder, "hook.yaml");
    const hook = await start(folder, configOf({ blog: script("exit 0") }));
    assert.equal((await hook.push("site", "v1")).status, 404);
    writeFileSync(file, configOf({ blog: script("exit 0"), site: script("exit 0") }));
    hook.child.kill("SIGHUP");
    await until("it has a new service", () => hook.output().includes('"msg":"the config was loaded again"'));
    assert.equal((await hook.push("site", "v1")).status, 202);
    writeFileSync(file, configOf({ blog: script("exit 0") }, "stroe: x"));
    hook.child.kill("SIGHUP");
    await until("it is told", () =>
      hook.output().includes('"msg":"the config is not good: the one before stays"'),
    );
    assert.match(hook.output(), /did you mean `store`\?/);
    assert.equal((await hook.push("site", "v2")).status, 202);
    hook.child.kill("SIGTERM");
    assert.equal((await hook.ended).status, 0);
  });

  test("says after SIGHUP what only another start changes", async () => {
    const folder = newFolder();
    const hook = await start(folder, configOf({ blog: script("exit 0") }));
    const yaml = configOf({ blog: script("exit 0") }).replace("hook.db", "other.db");
    writeFileSync(join(folder, "hook.yaml"), yaml);
    hook.child.kill("SIGHUP");
    await until("it is told", () => hook.output().includes("`store` has changed: that needs a restart"));
    assert.equal((await hook.push("blog", "v1")).status, 202);
    assert.equal(existsSync(join(folder, "other.db")), false);
    hook.child.kill("SIGTERM");
    await hook.ended;
  });

  test("lists all that is wrong with its config, and ends with 2", async () => {
    const file = write("hook.yaml", "store: x\nlisten: 4500\nservices: {}\n");
    const { status, errors, output } = await spawn("--config", file);
    assert.equal(status, 2);
    assert.equal(output, "");
    const problems = errors.trim().split("\n");
    assert.equal(problems.length, 2);
    assert.ok(problems[0]?.startsWith(`${file}:2:1 listen: `));
    assert.ok(problems[1]?.startsWith(`${file}:3:1 services: `));
  });

  test("ends with 2 when there is no config, and when an option is unknown", async () => {
    const missing = await spawn("--config", join(newFolder(), "none.yaml"));
    assert.deepEqual([missing.status, missing.output], [2, ""]);
    assert.match(missing.errors, /none\.yaml: there is no such file; name the config with --config\n$/);
    const unknown = await spawn("--confg", "x");
    assert.equal(unknown.status, 2);
    assert.match(unknown.errors, /--confg[\s\S]*see --help/);
  });

  test("checks a config without starting anything", async () => {
    const file = write("hook.yaml", configOf({ blog: script("exit 0"), site: script("exit 0") }));
    const good = await spawn("--config", file, "--check");
    assert.deepEqual(
      [good.status, good.output, good.errors],
      [0, `${file}: good; services: blog, site\n`, ""],
    );
    assert.equal(existsSync(join(file, "../hook.db")), false);
    const bad = await spawn("--config", write("hook.yaml", "store: x\n"), "--check");
    assert.equal(bad.status, 2);
  });

  test("shows its version and every option it has", async () => {
    const version = await spawn("--version");
    assert.deepEqual([version.status, version.output], [0, `${packageJson.version}\n`]);
    const help = await spawn("--help");
    assert.equal(help.status, 0);
    for (const option of ["--config", "--check", "--help", "--version"])
      assert.ok(help.output.includes(option));
  });
});
