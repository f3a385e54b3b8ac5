/** The agent in its image, on this machine's Docker Engine, with a real etcd and a real registry. */
import assert from "node:assert/strict";
import { rmSync, statSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { type Docker, describeWithDocker } from "../support/docker.ts";
import { lookAt, removeSlot } from "../support/docker-target.ts";
import { type Etcd, etcdMissing, startEtcd } from "../support/etcd.ts";
import { secretOf, startHook, type TestHook, temporaryFolder, until } from "../support/hook.ts";
import { root, testTag } from "../support/images.ts";
import { type Registry, registryMissing, startRegistry } from "../support/registry.ts";
import { pushSiteImage, type SiteImage, siteImageMissing } from "../support/site-image.ts";

const skip = etcdMissing || registryMissing || siteImageMissing;
const slot = "statigo-test-agent-site";
const agent = "statigo-test-agent";

await describeWithDocker("the agent's image", ["node:24-bookworm-slim"], (docker) => {
  describe("on one machine", { skip }, () => defineTests(docker));
});

function defineTests(docker: Docker): void {
  const image = testTag("agent");
  const folder = temporaryFolder();
  const socket = (docker.environment["DOCKER_HOST"] ?? "unix:///var/run/docker.sock").replace("unix://", "");
  let etcd: Etcd;
  let registry: Registry;
  let hook: TestHook;

  const push = (tag: string, more: SiteImage = {}) => pushSiteImage(registry, "stut/blog", tag, more);
  /** Nothing while a container is being removed that was listed a moment ago. */
  const look = () => lookAt(docker, slot).catch(() => []);
  const page = async () => (await look()).find(({ name }) => name === slot)?.page;
  const log = () => docker.run(["logs", agent]);

  /** As docs/targets/etcd.md says, on the host's network since etcd is on its loopback. */
  function agentArguments(...more: string[]): string[] {
    return [
      ...["--network", "host", "--volume", `${socket}:/var/run/docker.sock`],
      ...["--group-add", String(statSync(socket).gid), "--read-only", "--cap-drop=ALL", image],
      ...["--machine", "m1", "--etcd-nodes", etcd.nodes.join(","), "--etcd-session", "3s", ...more],
    ];
  }

  async function startAgent(...more: string[]): Promise<void> {
    await docker.run(["rm", "--force", agent]).catch(() => "");
    await docker.run(["run", "--detach", "--name", agent, ...agentArguments(...more)]);
    await until("the agent is there", async () => {
      const keys = Object.keys(await etcd.read("/deployer/.machines/"));
      return keys.length === 1;
    });
  }

  before(async () => {
    await docker.build({ context: root, file: "Dockerfile.hook", tag: image, target: "agent" });
    [etcd, registry] = await Promise.all([startEtcd(), startRegistry()]);
    await push("v1");
    await removeSlot(docker, slot);
    await docker.run(["run", "--detach", "--name", slot, `${registry.host}/stut/blog:v1`]);
    const target = { nodes: etcd.nodes, pause: "0s", replace: { container: slot, overlap: "0s" } };
    const yaml = `
listen: 127.0.0.1:0
store: ./hook.db
deployments: { grace: 0s }
services:
  blog:
    image: ${registry.host}/stut/blog
    secret: ${secretOf("blog")}
    target: ${JSON.stringify({ etcd: target })}
`;
    hook = await startHook(yaml, { folder });
  });
  after(async () => {
    await docker.run(["rm", "--force", agent]).catch(() => "");
    await hook?.stop();
    await removeSlot(docker, slot);
    await Promise.all([etcd?.stop(), registry?.stop()]);
    rmSync(folder, { recursive: true, force: true });
  });

  const deploy = (tag: string) => hook.operations.deployTag("blog", { tag }, "test");

  test("--check says what etcd and the Engine answer, and changes nothing", async () => {
    const good = await docker.run(["run", "--rm", ...agentArguments("--check")]);
    assert.match(good, /^ok {4}etcd at .*: no release yet\nok {4}Docker.* at unix:.* answers$/);
    const bad = docker.run(["run", "--rm", ...agentArguments("--check", "--docker", "unix:///nowhere.sock")]);
    await assert.rejects(bad, /FAIL {2}there is no socket \/nowhere\.sock/);
    assert.deepEqual(await etcd.read("/"), {});
  });

  test("replaces the container, and after its repull period again when the same tag is another image", async () => {
    await startAgent("--repull-period", "5s");
    await push("v2");
    const { id } = await deploy("v2");
    const { state, reason } = await hook.untilEnded(id);
    assert.equal(state, "succeeded", `${reason}\n${await log()}`);
    assert.equal(await page(), "v2");
    await push("v2", { page: "v2 pushed again" });
    await until("it has the new image", async () => (await page()) === "v2 pushed again");
    assert.equal(hook.store.list({ limit: 9 }).length, 1, "without a deployment");
  });

  test("told to stop in the middle of a container it goes back and ends with 0; its next start goes on", async () => {
    await startAgent("--repull-period", "1h");
    await push("v3", { kind: "slow" });
    const before = await page();
    const { id } = await deploy("v3");
    await until("the new container runs", async () => (await look()).some(isNext));
    await docker.run(["stop", "--time", "30", agent]);
    assert.equal(await docker.run(["inspect", "--format", "{{.State.ExitCode}}", agent]), "0", await log());
    assert.match(await log(), /stopping \(SIGTERM\)[\s\S]*"msg":"stopped"/);
    assert.equal(await page(), before);
    assert.ok(!(await look()).some(isNext), "nothing is left in the middle");
    await until("the hook is told", () =>
      /its agent was stopped: the next start goes on/.test(hook.logOf(id)),
    );
    await push("v3");
    await docker.run(["start", agent]);
    const { state, reason } = await hook.untilEnded(id);
    assert.equal(state, "succeeded", `${reason}\n${await log()}`);
    assert.equal(await page(), "v3");
  });
}

function isNext({ name, page }: { name: string; page: string | undefined }): boolean {
  return name.startsWith(`${slot}-next-`) && page !== undefined;
}
