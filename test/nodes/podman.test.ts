/** Our Dockerfiles in the hands of podman, which has no daemon: built, and run under what it allows here. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { missingPackage } from "../support/debian-program.ts";
import { describeWithDocker } from "../support/docker.ts";
import { freePorts } from "../support/free-port.ts";
import { until } from "../support/hook.ts";
import { root } from "../support/images.ts";
import { nativeRuntime } from "../support/server-process.ts";

const execute = promisify(execFile);
const builtOn = "node:24-bookworm-slim";
const skip = missingPackage("podman", "podman") || nativeRuntime.missing;

await describeWithDocker("podman", [builtOn], (docker) => {
  describe("builds", { skip }, () => {
    const folder = mkdtempSync(join(tmpdir(), "statigo-podman-"));
    const podman = async (...args: string[]) => {
      const places = ["--root", join(folder, "root"), "--runroot", join(folder, "run")];
      const { stdout } = await execute("podman", [...places, ...args], { cwd: folder, timeout: 300_000 });
      return stdout.trim();
    };
    const build = async (tag: string, context: string, dockerfile: string) => {
      // With what npm has on this machine already; in the OCI form an image has no health check.
      const cache = (await execute("npm", ["config", "get", "cache"])).stdout.trim();
      const options = ["--isolation", "chroot", "--format", "docker", "--volume", `${cache}:/root/.npm`];
      await podman("build", ...options, "--tag", tag, "--file", join(root, dockerfile), context);
    };
    /** A kernel that lets no limit be raised refuses podman's own. */
    const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
    const hardened = ["--network", "host", ...limits, "--read-only", "--cap-drop", "all"];

    before(async () => {
      const archive = join(folder, "base.tar");
      await docker.run(["save", "--output", archive, builtOn]);
      await podman("load", "--input", archive);
      rmSync(archive);
    });
    after(async () => {
      await podman("rm", "--all", "--force").catch(() => "");
      await podman("system", "reset", "--force").catch(() => "");
      rmSync(folder, { recursive: true, force: true });
    });

    test("the base image and a site on it: the server that we build, healthy, with the site", async () => {
      await build("localhost/statigo", root, "Dockerfile.base");
      writeFileSync(join(folder, "index.html"), "a page by podman");
      writeFileSync(join(folder, "Dockerfile"), "FROM statigo\nCOPY index.html ./\n");
      await podman("build", "--format", "docker", "--tag", "localhost/site", folder);
      const [port = 0] = await freePorts(1);
      const listen = ["--env", `NOMAD_PORT_http=${port}`];
      const id = await podman("run", "--detach", ...hardened, ...listen, "localhost/site");
      let page = "";
      await until("it serves", async () => {
        page = await fetch(`http://127.0.0.1:${port}/`).then(
          (answer) => answer.text(),
          () => "",
        );
        return page !== "";
      });
      assert.equal(page, "a page by podman");
      await podman("healthcheck", "run", id);
      const mounted = await podman("mount", id);
      const ours = readFileSync(join(root, "dist/native/statigo"));
      assert.ok(readFileSync(join(mounted, "statigo")).equals(ours), "the same bytes as by build:native");
      await podman("stop", id);
      assert.equal(await podman("inspect", "--format", "{{.State.ExitCode}}", id), "0");
    });

    test("the hook's image: it listens, as nobody in particular, on a volume of its own", async () => {
      await build("localhost/statigo-hook", root, "Dockerfile.hook");
      const [port = 0] = await freePorts(1);
      const config = `listen: 127.0.0.1:${port}\nstore: /var/lib/statigo/hook.db\nservices:
  blog: { image: stut/blog, secret: blog-secret-0123456789, target: { command: { run: ["true"] } } }\n`;
      writeFileSync(join(folder, "hook.yaml"), config);
      const mount = ["--volume", `${join(folder, "hook.yaml")}:/etc/statigo/hook.yaml:ro`];
      const id = await podman("run", "--detach", ...hardened, ...mount, "localhost/statigo-hook");
      await until("it listens", async () => {
        const status = await fetch(`http://127.0.0.1:${port}/health`).then(
          (answer) => answer.status,
          () => 0,
        );
        return status === 204;
      });
      assert.equal(await podman("exec", id, "id", "-u"), "65532");
      await podman("stop", id);
      assert.equal(await podman("inspect", "--format", "{{.State.ExitCode}}", id), "0");
    });
  });
});
