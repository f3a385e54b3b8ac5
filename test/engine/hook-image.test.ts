import assert from "node:assert/strict";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Deployment } from "../../hook/store/deployment.ts";
import { type Container, startContainer } from "../support/containers.ts";
import { describeWithDocker } from "../support/docker.ts";
import { apiToken, dockerHubBody, postWebhook, secretOf, temporaryFolder, until } from "../support/hook.ts";
import { root, testTag } from "../support/images.ts";

const config = `
listen: 0.0.0.0:4500
store: /var/lib/statigo/hook.db
api: { tokens: [{ name: test, token: { env: API_TOKEN }, scopes: [read] }] }
services:
  blog:
    image: stut/blog
    secret: { file: ./blog-secret }
    target:
      command:
        run: [node, -e, "console.log('deployed', process.env.STATIGO_IMAGE, 'in', process.cwd())"]
  keys:
    image: stut/keys
    secret: keys-secret-0123456789
    target: { consul: { address: "http://127.0.0.1:1" } }
`;

await describeWithDocker("the hook's image", ["node:24-bookworm-slim"], (docker) => {
  const image = testTag("hook");
  const folder = temporaryFolder();
  const volume = `statigo-test-hook-${process.pid}`;

  before(async () => {
    await docker.build({
      context: root,
      file: "Dockerfile.hook",
      tag: image,
      args: { VERSION: "1.2.3", REVISION: "abc123" },
    });
    writeFileSync(join(folder, "hook.yaml"), config);
    writeFileSync(join(folder, "blog-secret"), `${secretOf("blog")}\n`);
    // The container's user is not the one who made the folder.
    chmodSync(folder, 0o755);
  });

  after(async () => {
    await docker.run(["volume", "rm", "--force", volume]).catch(() => "");
    rmSync(folder, { recursive: true, force: true });
  });

  const withHook = async (
    work: (container: Container) => Promise<void>,
    ...more: string[]
  ): Promise<void> => {
    const mounts = [`--volume=${folder}:/etc/statigo:ro`, `--volume=${volume}:/var/lib/statigo`];
    const options = [
      ...mounts,
      `--env=API_TOKEN=${apiToken}`,
      "--memory=128m",
      "--health-interval=1s",
      ...more,
    ];
    const container = await startContainer(docker, { image, port: 4500, options });
    try {
      await work(container);
    } finally {
      await container.remove();
    }
  };

  const list = async ({ url }: Container): Promise<Deployment[]> => {
    const answer = await fetch(`${url}/api/deployments`, {
      headers: { authorization: `Bearer ${apiToken}` },
    });
    return ((await answer.json()) as { deployments: Deployment[] }).deployments;
  };

  const push = async ({ url }: Container, tag: string): Promise<void> => {
    const answer = await postWebhook(
      `${url}/hooks/blog/${secretOf("blog")}`,
      dockerHubBody("stut/blog", tag),
    );
    assert.equal(answer.status, 202, await answer.text());
  };

  const untilDeployed = async (container: Container, tag: string): Promise<number> => {
    const find = async () => (await list(container)).find((deployment) => deployment.tag === tag);
    await until(`${tag} is deployed`, async () => (await find())?.state === "succeeded");
    return (await find())?.id ?? 0;
  };

  test("deploys in a container that is read-only and may do nothing, and becomes healthy", () =>
    withHook(async (container) => {
      await push(container, "v1");
      const id = await untilDeployed(container, "v1");
      const headers = { authorization: `Bearer ${apiToken}` };
      const shown = await (await fetch(`${container.url}/api/deployments/${id}`, { headers })).text();
      assert.match(shown, /deployed stut\/blog:v1 in \/etc\/statigo/);
      await container.waitForHealth("healthy");
    }));

  test("has npm's Consul client in it", () =>
    withHook(async (container) => {
      const { url } = container;
      await postWebhook(`${url}/hooks/keys/${secretOf("keys")}`, dockerHubBody("stut/keys", "v1"));
      await until("the deployment ends", async () => (await list(container)).at(0)?.state === "failed");
      const [deployment] = await list(container);
      assert.equal(deployment?.reason, "nothing listens at http://127.0.0.1:1: is Consul running there?");
    }));

  test("keeps its history in the volume when the container is replaced", async () => {
    await withHook(async (container) => {
      await push(container, "v2");
      await untilDeployed(container, "v2");
    });
    await withHook(async (container) => {
      assert.ok((await list(container)).some(({ tag }) => tag === "v2"));
    });
  });

  test("ends with 0 on docker stop, and has written no secret to its log", () =>
    withHook(async (container) => {
      await push(container, "v3");
      await untilDeployed(container, "v3");
      const { exitCode, durationMs } = await container.stop();
      assert.equal(exitCode, 0);
      assert.ok(durationMs < 5000, `it took ${durationMs.toFixed(0)} ms`);
      const log = await docker.run(["logs", container.id]);
      assert.match(log, /"msg":"stopped"/);
      assert.doesNotMatch(log, /secret-0123|token-0123/);
    }));

  test("runs as an unprivileged user, and says what it is", async () => {
    const shown = JSON.parse(await docker.run(["image", "inspect", "--format", "{{json .Config}}", image]));
    assert.equal(shown.User, "65532:65532");
    assert.deepEqual(shown.Entrypoint, ["node", "/app/hook.mjs"]);
    assert.deepEqual(Object.keys(shown.ExposedPorts), ["4500/tcp"]);
    assert.deepEqual(Object.keys(shown.Volumes), ["/var/lib/statigo"]);
    assert.equal(shown.Labels["org.opencontainers.image.title"], "statigo-hook");
    assert.equal(shown.Labels["org.opencontainers.image.version"], "1.2.3");
    assert.equal(shown.Labels["org.opencontainers.image.revision"], "abc123");
  });

  test("holds the hook and nothing else of this repository", async () => {
    const found = await docker.run([
      "run",
      "--rm",
      "--entrypoint=find",
      image,
      "/app",
      "/var/lib/statigo",
      "-type",
      "f",
    ]);
    assert.equal(found, "/app/hook.mjs");
  });

  test("says what is missing when it gets no config", async () => {
    const problem = await docker.run(["run", "--rm", image]).then(
      () => "it ran",
      (error: Error) => error.message,
    );
    assert.match(problem, /\/etc\/statigo\/hook\.yaml: there is no such file; name the config with --config/);
  });
});
