import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import {
  configOf,
  readConfig,
  script,
  startHook,
  type TestHook,
  temporaryFolder,
  until,
} from "../support/hook.ts";

const cleaning: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleaning.splice(0).reverse()) await clean();
});

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

/** A registry on loopback that answers as the test says. */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleaning.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function start(
  host: string,
  registry: object,
  text = 'echo "$STATIGO_DIGEST"; touch ran',
): Promise<TestHook> {
  const folder = temporaryFolder();
  cleaning.push(() => rmSync(folder, { recursive: true, force: true }));
  const more = `    registry: ${JSON.stringify(registry)}\n    retry: { first: 10ms, maximum: 20ms }`;
  const yaml = configOf({ blog: `${script(text)}\n${more}` }).replace(
    "image: stut/blog",
    `image: ${host}/stut/blog`,
  );
  const hook = await startHook(yaml, { folder });
  cleaning.push(hook.stop);
  return hook;
}

async function deploy(hook: TestHook, host: string) {
  await hook.push("v1", { image: `${host}/stut/blog` });
  return hook.untilEnded(1);
}

const ran = ({ folder }: TestHook) => existsSync(join(folder, "ran"));

describe("looking a tag up before it is deployed", () => {
  test("tells the target, and the history, the digest that the registry has", async () => {
    const host = await serve((_, response) => response.setHeader("docker-content-digest", digest).end());
    const hook = await start(host, {});
    const ended = await deploy(hook, host);
    assert.deepEqual([ended.state, ended.digest], ["succeeded", digest]);
    assert.match(hook.logOf(1), new RegExp(`the registry has it as ${digest}\n${digest}\n`));
  });

  test("stops a deployment whose tag is not there, before the target is asked", async () => {
    let requests = 0;
    const host = await serve((_, response) => {
      requests += 1;
      response.writeHead(404).end();
    });
    const hook = await start(host, {});
    const { state, reason } = await deploy(hook, host);
    assert.deepEqual([state, ran(hook), requests], ["failed", false, 1]);
    assert.equal(reason, `the registry has no ${host}/stut/blog:v1: is it pushed, and was it kept?`);
  });

  test("is tried again while the registry is not well", async () => {
    let status = 503;
    const host = await serve((_, response) =>
      response.writeHead(status, { "docker-content-digest": digest }).end(),
    );
    const hook = await start(host, {});
    await hook.push("v1", { image: `${host}/stut/blog` });
    await until("it waits", () => hook.store.find(1)?.waitingFor === "retry");
    assert.match(hook.store.find(1)?.reason ?? "", /could not be asked about v1: it answered 503$/);
    assert.equal(ran(hook), false);
    status = 200;
    assert.equal((await hook.untilEnded(1)).state, "succeeded");
  });

  test("stops a deployment that the registry's refusal would only repeat, without the password", async () => {
    const host = await serve((_, response) => response.writeHead(403).end());
    const hook = await start(host, { username: "ci", password: "registry-password" });
    const { state, reason } = await deploy(hook, host);
    assert.equal(state, "failed");
    assert.match(
      reason ?? "",
      /does not tell about v1: it does not let these credentials read the tag \(403\)$/,
    );
    assert.doesNotMatch(`${reason}${hook.log()}${hook.logOf(1)}`, /registry-password/);
  });

  for (const [digestOf, expected, words] of [
    ["webhook", `sha256:${"f".repeat(64)}`, "taking the webhook's"],
    ["registry", digest, "taking the registry's"],
  ] as const) {
    test(`says when the tag was pushed again meanwhile, and goes by the ${digestOf}'s digest if it has to`, async () => {
      const host = await serve((_, response) => response.setHeader("docker-content-digest", digest).end());
      const hook = await start(host, { digest: digestOf });
      await hook.operations.deployTag("blog", { tag: "v1", digest: `sha256:${"f".repeat(64)}` }, "test");
      const ended = await hook.untilEnded(1);
      assert.equal(ended.digest, expected);
      assert.match(hook.logOf(1), new RegExp(`the tag was pushed again; ${words}\n${expected}\n`));
    });
  }

  test("is not done where the config only has a login", async () => {
    const hook = await start("127.0.0.1:1", { check: false });
    assert.equal((await deploy(hook, "127.0.0.1:1")).state, "succeeded");
  });

  test("is given a time limit", async () => {
    const host = await serve(() => {});
    const hook = await start(host, { timeout: "1s" });
    await hook.push("v1", { image: `${host}/stut/blog` });
    await until("it waits", () => hook.store.find(1)?.waitingFor === "retry");
    assert.match(hook.store.find(1)?.reason ?? "", /it did not answer within 1 s$/);
  });
});

describe("a registry that `hook check` asks", () => {
  function check(host: string, registry: object) {
    const yaml = configOf({ blog: `${script("exit 0")}\n    registry: ${JSON.stringify(registry)}` });
    const config = readConfig(yaml.replace("image: stut/blog", `image: ${host}/stut/blog`), "/nowhere");
    return config.services.get("blog")?.registry?.check({ signal: AbortSignal.timeout(60_000) });
  }

  test("lets itself be read, whatever tags it has", async () => {
    const host = await serve((_, response) => response.writeHead(404).end());
    const detail = `the registry at http://${host} lets ${host}/stut/blog be read`;
    assert.deepEqual(await check(host, {}), { ok: true, detail });
  });

  test("may refuse, or be away, or have a login that cannot be had", async () => {
    const host = await serve((_, response) => response.writeHead(401).end());
    const refused = await check(host, {});
    const problem = `the registry at http://${host}: it does not say how to log in`;
    assert.deepEqual(refused, { ok: false, problem });
    const away = await check("127.0.0.1:1", {});
    assert.ok(away?.ok === false && /nothing listens at http:\/\/127\.0\.0\.1:1/.test(away.problem));
    const noLogin = await check(host, { dockerConfig: "/nowhere/config.json" });
    assert.ok(
      noLogin?.ok === false &&
        /the Docker config \/nowhere\/config\.json does not exist$/.test(noLogin.problem),
    );
  });
});
