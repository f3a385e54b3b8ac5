/**
 * The chain of the post "Automagical Deploys from Docker Hub", with a real registry and a real Engine: an image is
 * pushed, Docker Hub's webhook comes in, and the page that the container `blog` serves on its port changes.
 */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Docker, describeWithDocker } from "../support/docker.ts";
import { buildSite, lookAt, removeSlot } from "../support/docker-target.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { freePorts } from "../support/free-port.ts";
import { configOf, startHook, temporaryFolder, until } from "../support/hook.ts";
import { startHookProcess } from "../support/hook-process.ts";
import { buildBaseImage } from "../support/images.ts";
import {
  passwordAuth,
  type Registry,
  registryMissing,
  registryUser,
  startRegistry,
} from "../support/registry.ts";

const quick = 'HEALTHCHECK --interval=250ms --timeout=2s --retries=3 CMD ["/statigo", "--healthcheck"]';
const failing = 'HEALTHCHECK --interval=250ms --timeout=2s --retries=2 CMD ["/statigo", "--no-such-flag"]';
const releases = { v1: quick, v2: quick, v3: quick, sick: failing };
const slot = "automagical-blog";

await describeWithDocker("the docker target", ["node:24-bookworm-slim"], (docker) => {
  describe("from Docker Hub's webhook to the changed page", { skip: registryMissing }, () =>
    defineTests(docker),
  );
});

function defineTests(docker: Docker): void {
  const engine = docker.environment["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
  let folder = "";
  let registry: Registry;
  let repository = "";
  let url = "";

  before(async () => {
    folder = temporaryFolder();
    registry = await startRegistry({ configuration: { auth: passwordAuth(folder) } });
    repository = `${registry.host}/stut/blog`;
    const { username, password } = registryUser;
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    writeFileSync(join(folder, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    const base = await buildBaseImage(docker);
    for (const [tag, line] of Object.entries(releases)) {
      await buildSite(docker, base, `${repository}:${tag}`, [line]);
      await docker.run(["--config", folder, "push", `${repository}:${tag}`]);
      if (tag !== "v1") await docker.run(["image", "rm", `${repository}:${tag}`]);
    }
  });
  after(async () => {
    await removeSlot(docker, slot);
    const images = await docker.run(["image", "ls", "--quiet", repository]);
    if (images !== "") await docker.run(["image", "rm", "--force", ...new Set(images.split("\n"))]);
    await registry.stop();
    rmSync(folder, { recursive: true });
  });

  /** As the post has it: `docker run --name blog -d -p 8000:80 nathanleclaire/octoblog`. */
  async function startBlog() {
    await removeSlot(docker, slot);
    const [port = 0] = await freePorts(1);
    await docker.run([
      "run",
      "--name",
      slot,
      "--detach",
      "--publish",
      `127.0.0.1:${port}:3000`,
      `${repository}:v1`,
    ]);
    url = `http://127.0.0.1:${port}/`;
    await until("the blog answers", async () => (await page()) === "v1");
  }
  const page = async () => (await (await fetch(url).catch(() => undefined))?.text())?.trim();
  const configFor = (address: string) =>
    configOf({
      blog: JSON.stringify({
        docker: { engine: address, container: slot, dockerConfig: join(folder, "config.json") },
      }),
    }).replace("image: stut/blog", `image: ${repository}`);

  test("each pushed tag is served within seconds, one that is not healthy never for long", async () => {
    await startBlog();
    const hook = await startHook(configFor(engine));
    try {
      const deploy = async (tag: string) => {
        const answer = await hook.push(tag, { image: repository });
        assert.equal(answer.status, 202);
        const { deployments } = (await answer.json()) as { deployments: { id: number }[] };
        return hook.untilEnded(deployments[0]?.id ?? 0);
      };
      const good = await deploy("v2");
      assert.equal(good.state, "succeeded", hook.logOf(good.id));
      assert.equal(await page(), "v2");
      const running = await docker.run(["inspect", "--format", "{{.Config.Image}}", slot]);
      assert.match(running, new RegExp(`^${repository}:v2@sha256:[0-9a-f]{64}$`), "the digest is pinned");
      const bad = await deploy("sick");
      assert.equal(bad.state, "rolled-back", hook.logOf(bad.id));
      await until("the old page is back", async () => (await page()) === "v2");
      const missing = await deploy("v9");
      assert.equal(missing.state, "failed", hook.logOf(missing.id));
      assert.match(missing.reason ?? "", /could not pull .*:v9: .*(?:manifest unknown|not found)/i);
      assert.equal(await page(), "v2");
    } finally {
      await hook.stop();
    }
  });

  test("a hook that is killed between stopping the old container and starting the new one is mended by its next start", async () => {
    await startBlog();
    const proxy = await startFaultProxy(engine);
    const config = configFor(proxy.address);
    const home = temporaryFolder();
    let kill = () => {};
    proxy.fail = ({ url }) => {
      if (!/\/start$/.test(url)) return undefined;
      kill();
      return "reset";
    };
    const first = await startHookProcess(home, config);
    kill = () => void first.child.kill("SIGKILL");
    try {
      const body = JSON.stringify({
        push_data: { tag: "v3", pushed_at: 1700000000, pusher: "ci" },
        repository: { repo_name: repository, namespace: "stut", name: "blog" },
      });
      const headers = { "content-type": "application/json" };
      await fetch(`${first.origin()}/hooks/blog/blog-secret-0123456789`, { method: "POST", headers, body });
      assert.equal((await first.ended).signal, "SIGKILL");
      assert.deepEqual(
        (await lookAt(docker, slot)).map(({ page }) => page),
        [undefined, undefined],
        "nothing serves",
      );
      proxy.fail = () => undefined;
      const second = await startHookProcess(home, config);
      try {
        await until("the new page is there", async () => (await page()) === "v3");
      } finally {
        second.child.kill("SIGTERM");
        await second.ended;
      }
      const names = (await lookAt(docker, slot)).map(({ name }) => name);
      assert.deepEqual(names.length, 2, names.join(", "));
    } finally {
      first.child.kill("SIGKILL");
      await proxy.stop();
      rmSync(home, { recursive: true });
    }
  });
}
