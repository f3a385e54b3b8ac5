/** Images that are made without an engine, in the hands of those that have one, and of the hook, which needs none. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { startContainer } from "../support/containers.ts";
import { missingPackage } from "../support/debian-program.ts";
import { describeWithDocker } from "../support/docker.ts";
import { startHook } from "../support/hook.ts";
import { createImageCommand } from "../support/image-command.ts";
import { buildBaseImage, testTag } from "../support/images.ts";
import { type Registry, registryMissing, startRegistry } from "../support/registry.ts";
import { nativeRuntime, startServer } from "../support/server-process.ts";
import { siteImageMissing } from "../support/site-image.ts";

const execute = promisify(execFile);
const command = createImageCommand();
const { must } = command;
const at = (name: string) => join(command.folder, name);
const page = "<!doctype html><title>Hello</title><h1>Hello, hello, hello, hello, hello, hello</h1>";
const site = command.site("site", { "index.html": page, "Öl & more/ä b.html": "umlauts" });
let registry: Registry | undefined;
before(async () => {
  if (registryMissing === false) registry = await startRegistry();
});
after(async () => {
  await registry?.stop();
  command.remove();
});

/** What each way of making them has to be read by. */
const variants: [what: string, options: string[]][] = [
  ["gzip", ["--compress"]],
  ["zstd", ["--compression", "zstd"]],
  ["uncompressed", ["--compression", "none"]],
];

await describeWithDocker("Docker, given images that it did not make", ["node:24-bookworm-slim"], (docker) => {
  const tag = testTag("without-engine");
  after(() => docker.run(["image", "rm", "--force", tag]).catch(() => ""));

  async function requireServed(image: string): Promise<void> {
    const container = await startContainer(docker, { image });
    try {
      const answer = await fetch(container.url);
      assert.equal(await answer.text(), page);
      assert.equal(answer.headers.get("content-type"), "text/html; charset=utf-8");
      assert.equal(await (await fetch(`${container.url}/%C3%96l%20&%20more/%C3%A4%20b`)).text(), "umlauts");
      await container.waitForHealth("healthy");
    } finally {
      await container.remove();
    }
  }

  for (const [what, options] of variants) {
    test(`loads a tar file of ${what} layers, and runs it healthy`, { skip: siteImageMissing }, async () => {
      await must("build", site, "-t", tag, "-o", at("site.tar"), ...options);
      const said = await docker.run(["load", "--input", at("site.tar")]);
      assert.ok(said.includes(tag), said);
      await requireServed(tag);
    });
  }

  test("pulls one that was pushed, under its digest", {
    skip: siteImageMissing || registryMissing,
  }, async () => {
    const image = `${registry?.host}/acme/blog:v1`;
    const digest = await must("push", site, image);
    try {
      assert.match(await docker.run(["pull", image]), new RegExp(`Digest: ${digest}`));
      await requireServed(image);
    } finally {
      await docker.run(["image", "rm", "--force", image]);
    }
  });

  test("finds in one the same as in one that it has built on Dockerfile.base", {
    skip: siteImageMissing,
  }, async () => {
    const base = await buildBaseImage(docker, { VERSION: "1.2.3", REVISION: "abc123" });
    await must("build", site, "-t", tag, "-o", at("site.tar"));
    await docker.run(["load", "--input", at("site.tar")]);
    const configs = await Promise.all([base, tag].map((image) => docker.run(["image", "inspect", image])));
    const [ofBase, own] = configs.map((text) => {
      const [{ Config: config, Os: system, Architecture: architecture }] = JSON.parse(text);
      const { Env, Entrypoint, Cmd, WorkingDir, User, ExposedPorts, Healthcheck } = config;
      return {
        Env,
        Entrypoint,
        Cmd: Cmd ?? null,
        WorkingDir,
        User,
        ExposedPorts,
        Healthcheck,
        system,
        architecture,
      };
    });
    assert.deepEqual(own, ofBase);
  });

  test("has at most 5 kB more of a site of one page than of the base image", {
    skip: siteImageMissing,
  }, async () => {
    const one = command.site("one", { "index.html": page });
    await must("build", one, "-t", tag, "-o", at("one.tar"));
    await docker.run(["load", "--input", at("one.tar")]);
    const base = await buildBaseImage(docker, { VERSION: "1.2.3", REVISION: "abc123" });
    const [ofBase = 0, own = 0] = await Promise.all(
      [base, tag].map(async (image) =>
        Number(await docker.run(["image", "inspect", "--format", "{{.Size}}", image])),
      ),
    );
    assert.ok(own > 50_000 && own <= ofBase + 5000, `${own} and ${ofBase} bytes`);
  });

  test("makes one into another by a Dockerfile", { skip: siteImageMissing }, async () => {
    await must("build", site, "-t", tag, "-o", at("site.tar"));
    await docker.run(["load", "--input", at("site.tar")]);
    const context = command.site("context", {
      Dockerfile: `FROM ${tag}\nCOPY more.html ./\n`,
      "more.html": "more",
    });
    const derived = testTag("derived-without-engine");
    await docker.build({ context, tag: derived });
    const container = await startContainer(docker, { image: derived });
    try {
      assert.equal(await (await fetch(`${container.url}/more`)).text(), "more");
    } finally {
      await container.remove();
      await docker.run(["image", "rm", "--force", derived]);
    }
  });
});

describe("podman", { skip: siteImageMissing || missingPackage("podman", "podman") }, () => {
  const podman = async (...args: string[]) => {
    const places = ["--root", at("podman"), "--runroot", at("podman-run"), "--storage-driver", "vfs"];
    return (await execute("podman", [...places, ...args])).stdout.trim();
  };
  after(() => podman("system", "reset", "--force").catch(() => ""));

  for (const [what, options] of variants) {
    test(`loads a tar file of ${what} layers`, async () => {
      await must("build", site, "-t", `example.org/acme/${what}:v1`, "-o", at("podman.tar"), ...options);
      assert.match(
        await podman("load", "--input", at("podman.tar")),
        new RegExp(`example\\.org/acme/${what}:v1`),
      );
    });
  }

  test("pulls one that was pushed, and finds the site in it", { skip: registryMissing }, async () => {
    const image = `${registry?.host}/acme/podman:v1`;
    const digest = await must("push", site, image);
    await podman("pull", "--tls-verify=false", image);
    assert.equal(
      await podman("image", "inspect", "--format", "{{.Digest}} {{.User}}", image),
      `${digest} 65532:65532`,
    );
    const mounted = await podman("image", "mount", image);
    assert.equal(readFileSync(join(mounted, "www/index.html"), "utf8"), page);
    assert.equal(statSync(join(mounted, "statigo")).mode & 0o777, 0o755);
    await podman("image", "unmount", image);
  });
});

describe("skopeo", {
  skip: siteImageMissing || registryMissing || missingPackage("skopeo", "skopeo"),
}, () => {
  const skopeo = async (...args: string[]) => (await execute("skopeo", args)).stdout;

  test("reads what is written in each form, and copies it between them without a change of its digest", async () => {
    const digest = await must("build", site, "-t", "acme/blog:v1", "-o", at("skopeo-layout"));
    await must("build", site, "-t", "acme/blog:v1", "-o", at("skopeo.tar"));
    for (const place of [`oci:${at("skopeo-layout")}:v1`, `oci-archive:${at("skopeo.tar")}:v1`]) {
      assert.equal(JSON.parse(await skopeo("inspect", place)).Digest, digest, place);
    }
    assert.equal(
      JSON.parse(await skopeo("inspect", `docker-archive:${at("skopeo.tar")}`)).Architecture,
      "amd64",
    );
    const image = `${registry?.host}/acme/skopeo:v1`;
    const options = ["--dest-tls-verify=false", "--src-tls-verify=false"];
    await skopeo("copy", ...options, `oci:${at("skopeo-layout")}:v1`, `docker://${image}`);
    assert.match(await must("inspect", image), new RegExp(`^Digest: +${digest}`));
    // The other way round: what skopeo writes is read here.
    await skopeo("copy", ...options, `docker://${image}`, `oci:${at("by-skopeo")}:v1`);
    await skopeo(
      "copy",
      ...options,
      `docker://${image}`,
      `docker-archive:${at("by-skopeo.tar")}:acme/blog:v1`,
    );
    assert.equal(await must("push", at("by-skopeo"), `${registry?.host}/acme/again:v1`), digest);
    await must("pull", at("by-skopeo.tar"), "--site", at("by-skopeo-site"));
    assert.equal(readFileSync(at("by-skopeo-site/index.html"), "utf8"), page);
  });
});

describe("a machine without an engine", {
  skip: siteImageMissing || registryMissing || nativeRuntime.missing,
}, () => {
  test("shows the page of a folder that was built and pushed, once the hook hears of it", async () => {
    const sites = at("sites");
    const image = `${registry?.host}/acme/blog`;
    const hook = await startHook(
      [
        "listen: 127.0.0.1:0",
        "store: ./hook.db",
        "services:",
        `  blog: { image: "${image}", secret: blog-secret-0123456789, target: { directory: { folder: "${sites}" } } }`,
        "",
      ].join("\n"),
    );
    try {
      for (const [id, tag, text] of [
        [1, "v1", "the first"],
        [2, "v2", "the second"],
      ] as const) {
        const release = command.site(`release-${tag}`, { "index.html": text });
        await must("push", release, `${image}:${tag}`);
        const answer = await hook.push(tag, { image });
        assert.equal(answer.status, 202);
        const deployment = await hook.untilEnded(id, 30_000);
        assert.equal(deployment.state, "succeeded", hook.logOf(id));
        const server = await startServer(nativeRuntime, ["-root-dir", join(sites, "current")]);
        try {
          assert.equal(await (await fetch(`http://127.0.0.1:${server.port}/`)).text(), text);
        } finally {
          await server.stop();
        }
      }
    } finally {
      await hook.stop();
      rmSync(sites, { recursive: true, force: true });
    }
  });
});
