import assert from "node:assert/strict";
import { chmodSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Deployment } from "../../hook/store/deployment.ts";
import { type Container, confined, confinementOf, startContainer } from "../support/containers.ts";
import { describeWithDocker } from "../support/docker.ts";
import { freePorts } from "../support/free-port.ts";
import {
  apiToken,
  configOf,
  dockerHubBody,
  postWebhook,
  secretOf,
  temporaryFolder,
  until,
} from "../support/hook.ts";
import { root, testTag } from "../support/images.ts";
import { registryMissing, startRegistry } from "../support/registry.ts";
import { pushSiteImage, siteImageMissing } from "../support/site-image.ts";

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
    retry: { attempts: 1 }
  itself:
    image: stut/itself
    secret: itself-secret-0123456789
    target: { docker: { container: CONTAINER, pull: never } }
`;

await describeWithDocker("the hook's image", ["node:24-bookworm-slim"], (docker) => {
  const image = testTag("hook");
  const folder = temporaryFolder();
  const volume = `statigo-test-hook-${process.pid}`;
  const itself = `statigo-test-hook-itself-${process.pid}`;

  before(async () => {
    await docker.build({
      context: root,
      file: "Dockerfile.hook",
      tag: image,
      args: { VERSION: "1.2.3", REVISION: "abc123" },
    });
    writeFileSync(join(folder, "hook.yaml"), config.replace("CONTAINER", itself));
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
      const shown = await (await fetch(`${container.url}/api/deployments/${id}/log`, { headers })).text();
      assert.match(shown, /deployed stut\/blog:v1 in \/etc\/statigo/);
      await container.waitForHealth("healthy");
    }));

  test("is held by the kernel to what it needs: no root, no capabilities, nothing to write to, a seccomp filter", () =>
    withHook(async (container) => {
      assert.deepEqual(await confinementOf(container), confined);
      await push(container, "v0");
      await untilDeployed(container, "v0");
    }));

  test("unpacks a site from a registry into its volume, held to the same", {
    skip: registryMissing || siteImageMissing,
  }, async () => {
    const registry = await startRegistry();
    const [port = 0] = await freePorts(1);
    const sites = "/var/lib/statigo/sites";
    const repository = `${registry.host}/site/app`;
    const yaml = configOf({ site: JSON.stringify({ directory: { folder: sites } }) })
      .replace("127.0.0.1:0", `127.0.0.1:${port}`)
      .replace("./hook.db", "/var/lib/statigo/directory.db")
      .replace("stut/site", repository);
    writeFileSync(join(folder, "directory.yaml"), yaml);
    const mounts = [`--volume=${folder}:/etc/statigo:ro`, `--volume=${volume}:/var/lib/statigo`];
    const options = [...mounts, "--memory=128m"];
    const flags = ["--config", "/etc/statigo/directory.yaml"];
    const container = await startContainer(docker, { image, port, options, flags, isOnHost: true });
    try {
      assert.deepEqual(await confinementOf(container), confined);
      const show = (link: string) => docker.run(["exec", container.id, "cat", `${sites}/${link}/index.html`]);
      for (const tag of ["v1", "v2"]) {
        await pushSiteImage(registry, "site/app", tag);
        const url = `${container.url}/hooks/site/${secretOf("site")}`;
        const answer = await postWebhook(url, dockerHubBody(repository, tag));
        assert.equal(answer.status, 202, await answer.text());
        await untilDeployed(container, tag);
        assert.equal(await show("current"), tag);
      }
      assert.equal(await show("previous"), "v1");
    } finally {
      await container.remove();
      await registry.stop();
    }
  });

  test("has npm's Consul client in it", () =>
    withHook(async (container) => {
      const { url } = container;
      await postWebhook(`${url}/hooks/keys/${secretOf("keys")}`, dockerHubBody("stut/keys", "v1"));
      await until("the deployment ends", async () => (await list(container)).at(0)?.state === "failed");
      const [deployment] = await list(container);
      assert.equal(deployment?.reason, "nothing listens at http://127.0.0.1:1: is Consul running there?");
    }));

  test("refuses to replace the container that it runs in, and goes on", async () => {
    const engine = docker.environment["DOCKER_HOST"] ?? "unix:///var/run/docker.sock";
    const socket = engine.replace("unix://", "");
    const more = [
      `--name=${itself}`,
      `--volume=${socket}:/var/run/docker.sock`,
      `--group-add=${statSync(socket).gid}`,
    ];
    await docker.run(["tag", image, "stut/itself:v2"]);
    await withHook(
      async (container) => {
        const url = `${container.url}/hooks/itself/itself-secret-0123456789`;
        await postWebhook(url, dockerHubBody("stut/itself", "v2"));
        await until("the deployment ends", async () => (await list(container)).at(0)?.state === "failed");
        const [deployment] = await list(container);
        assert.equal(
          deployment?.reason,
          `${itself} is the container that this hook runs in: it would end itself in the middle of its work`,
        );
        assert.equal(await container.inspect("{{.Name}} {{.State.Running}}"), `/${itself} true`);
      },
      // With another host name than the start of its id.
      ...more,
      "--hostname=hook",
    );
    await docker.run(["image", "rm", "stut/itself:v2"]);
  });

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
      assert.ok(durationMs < 9_000, `it took ${durationMs.toFixed(0)} ms`);
      const log = await docker.run(["logs", container.id]);
      assert.match(log, /"msg":"stopped"/);
      assert.doesNotMatch(log, /secret-0123|token-0123/);
    }));

  test("runs as an unprivileged user, and says what it is", async () => {
    const shown = JSON.parse(await docker.run(["image", "inspect", "--format", "{{json .Config}}", image]));
    assert.equal(shown.User, "65532:65532");
    assert.deepEqual(shown.Entrypoint, [
      "node",
      "--optimize-for-size",
      "--max-semi-space-size=1",
      "/app/hook.mjs",
    ]);
    assert.ok(shown.Env.includes("MALLOC_ARENA_MAX=1"));
    assert.deepEqual(Object.keys(shown.ExposedPorts), ["4500/tcp"]);
    assert.deepEqual(Object.keys(shown.Volumes), ["/var/lib/statigo"]);
    assert.equal(shown.Labels["org.opencontainers.image.title"], "statigo-hook");
    assert.equal(shown.Labels["org.opencontainers.image.version"], "1.2.3");
    assert.equal(shown.Labels["org.opencontainers.image.revision"], "abc123");
  });

  test("serves the dashboard, to a browser that asks for the hook's address", () =>
    withHook(async ({ url }) => {
      const page = await fetch(`${url}/`, { headers: { accept: "text/html" } });
      assert.ok(page.url.endsWith("/dashboard/"));
      const [script = ""] = /main-\w+\.js/.exec(await page.text()) ?? [];
      assert.equal((await fetch(`${url}/dashboard/${script}`)).status, 200);
    }));

  test("holds the hook, its dashboard, a list of their parts, the licences and nothing else of this repository", async () => {
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
    const other = found.split("\n").filter((file) => !file.startsWith("/app/dashboard/"));
    assert.deepEqual(other.sort(), ["/app/THIRD-PARTY.txt", "/app/hook.mjs", "/app/sbom.cdx.json"]);
  });

  test("says what is missing when it gets no config", async () => {
    const problem = await docker.run(["run", "--rm", image]).then(
      () => "it ran",
      (error: Error) => error.message,
    );
    assert.match(problem, /\/etc\/statigo\/hook\.yaml: there is no such file; name the config with --config/);
  });
});
