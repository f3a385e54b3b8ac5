import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  type Container,
  type ContainerOptions,
  confined,
  confinementOf,
  startContainer,
} from "../support/containers.ts";
import { describeWithDocker } from "../support/docker.ts";
import { buildBaseImage, sizeOf, testTag } from "../support/images.ts";

/** It takes 319 kB; beyond this, something came in that is not needed. */
const sizeBudgetBytes = 320_000;

await describeWithDocker("the base image", ["node:24-bookworm-slim"], (docker) => {
  const site = mkdtempSync(join(tmpdir(), "statigo-site-"));
  const image = testTag("page");
  let base = "";

  before(async () => {
    base = await buildBaseImage(docker, { VERSION: "1.2.3", REVISION: "abc123" });
    writeFileSync(join(site, "index.html"), "<!doctype html><title>Hello</title>");
    writeFileSync(join(site, "404.html"), "<!doctype html><title>Nothing here</title>");
    writeFileSync(join(site, ".dockerignore"), "Dockerfile\n");
    writeFileSync(join(site, "Dockerfile"), `FROM ${base}\nCOPY . ./\n`);
    await docker.build({ context: site, tag: image });
  });

  after(() => {
    rmSync(site, { recursive: true, force: true });
  });

  const withContainer = async (
    options: Omit<ContainerOptions, "image">,
    work: (container: Container) => Promise<void>,
  ): Promise<void> => {
    const container = await startContainer(docker, { image, ...options });
    try {
      await work(container);
    } finally {
      await container.remove();
    }
  };

  test(`takes at most ${sizeBudgetBytes / 1000} kB`, async () => {
    const sizeBytes = await sizeOf(docker, base);
    assert.ok(sizeBytes > 50_000 && sizeBytes <= sizeBudgetBytes, `it takes ${sizeBytes} bytes`);
  });

  test("names a user by number, the folder and port of the site, and what it is", async () => {
    const config = JSON.parse(await docker.run(["image", "inspect", "--format", "{{json .Config}}", base]));
    assert.match(config.User, /^[1-9]\d*:[1-9]\d*$/);
    assert.equal(config.WorkingDir, "/www");
    assert.deepEqual(config.Entrypoint, ["/statigo", "-root-dir", "/www"]);
    assert.deepEqual(Object.keys(config.ExposedPorts), ["3000/tcp"]);
    assert.deepEqual(config.Healthcheck.Test, ["CMD", "/statigo", "--healthcheck"]);
    assert.equal(config.Labels["org.opencontainers.image.title"], "statigo");
    assert.equal(config.Labels["org.opencontainers.image.version"], "1.2.3");
    assert.equal(config.Labels["org.opencontainers.image.revision"], "abc123");
  });

  test("serves a site copied into it, read-only, without capabilities and in 16 MB", () =>
    withContainer({}, async (container) => {
      const page = await fetch(`${container.url}/`);
      assert.equal(page.status, 200);
      assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
      assert.match(await page.text(), /<title>Hello/);

      const missing = await fetch(`${container.url}/missing`);
      assert.equal(missing.status, 404);
      assert.match(await missing.text(), /<title>Nothing here/);

      const head = await fetch(`${container.url}/`, { method: "HEAD" });
      assert.equal(head.status, 200);
      assert.equal(await head.text(), "");

      assert.equal((await fetch(`${container.url}/health`)).status, 204);
      assert.equal(await container.inspect("{{.State.OOMKilled}}"), "false");
    }));

  test("runs as an unprivileged user", () =>
    withContainer({}, async (container) => {
      const [, ...processes] = (await docker.run(["top", container.id, "-eo", "uid,gid,pid,args"])).split(
        "\n",
      );
      assert.equal(processes.length, 1);
      assert.match(processes[0] ?? "", /^\s*65532\s+65532\s/);
    }));

  test("is held by the kernel to what it needs: no root, no capabilities, nothing to write to, a seccomp filter", () =>
    withContainer({}, async (container) => {
      assert.deepEqual(await confinementOf(container), confined);
      assert.equal((await fetch(`${container.url}/`)).status, 200);
    }));

  test("becomes healthy by its own health check", () =>
    withContainer({}, (container) => container.waitForHealth("healthy")));

  test("serves and stays healthy on an address given as a flag", () =>
    withContainer(
      { flags: ["-listen-addr", ":8080"], port: 8080, options: ["--health-interval=1s"] },
      async (container) => {
        assert.equal((await fetch(`${container.url}/`)).status, 200);
        await container.waitForHealth("healthy");
      },
    ));

  test("serves and stays healthy on the port that Nomad gives it", () =>
    withContainer(
      { port: 23456, options: ["--env=NOMAD_PORT_http=23456", "--health-interval=1s"] },
      async (container) => {
        assert.equal((await fetch(`${container.url}/`)).status, 200);
        await container.waitForHealth("healthy");
      },
    ));

  test("becomes unhealthy when the server no longer answers", () =>
    withContainer(
      { options: ["--health-interval=1s", "--health-timeout=1s", "--health-retries=1"] },
      async (container) => {
        await container.waitForHealth("healthy");
        await docker.run(["kill", "--signal=STOP", container.id]);
        await container.waitForHealth("unhealthy");
      },
    ));

  test("ends with status 0 soon after docker stop, also with a connection kept alive", () =>
    withContainer({}, async (container) => {
      await (await fetch(`${container.url}/`)).text();
      const { exitCode, durationMs } = await container.stop();
      assert.equal(exitCode, 0);
      assert.ok(durationMs < 8_000, `it took ${durationMs.toFixed(0)} ms`);
    }));
});
