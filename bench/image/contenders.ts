/** The two ways from a folder to a registry, each as a user types it. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Docker } from "../../test/support/docker.ts";
import { buildBaseImage } from "../../test/support/images.ts";

export const bundle = resolve(import.meta.dirname, "../../dist/cli.js");

export interface Turn {
  seconds: number;
  /** Of the process that was started; Docker's daemon is not one. */
  peakMegabytes?: number;
}

export interface Contender {
  name: string;
  push(site: string, repository: string, tag: string): Promise<Turn>;
  /** What it keeps of a repository, so that turns do not fill the disk. */
  forget(repository: string): Promise<void>;
}

export async function createContenders(docker: Docker, host: string, folder: string): Promise<Contender[]> {
  return [await createDocker(docker, host), createStatigo(host, folder)];
}

async function createDocker(docker: Docker, host: string): Promise<Contender> {
  const base = await buildBaseImage(docker);
  const imageOf = (repository: string, tag: string) => `${host}/docker/${repository}:${tag}`;
  return {
    name: "docker",
    async push(site, repository, tag) {
      const image = imageOf(repository, tag);
      const file = `${site}.Dockerfile`;
      writeFileSync(file, `FROM ${base}\nCOPY . ./\n`);
      const env = { ...docker.environment, DOCKER_BUILDKIT: "1" };
      const startedMs = performance.now();
      await promisify(execFile)("docker", ["build", "--quiet", "--tag", image, "--file", file, site], {
        env,
      });
      await promisify(execFile)("docker", ["push", "--quiet", image], { env });
      return { seconds: (performance.now() - startedMs) / 1000 };
    },
    async forget(repository) {
      const images = ["v1", "v2"].map((tag) => imageOf(repository, tag));
      await docker.run(["image", "rm", "--force", ...images]);
    },
  };
}

function createStatigo(host: string, folder: string): Contender {
  const home = join(folder, "home");
  mkdirSync(home);
  return {
    name: "statigo",
    async push(site, repository, tag) {
      const words = ["image", "push", site, `${host}/statigo/${repository}:${tag}`, "--quiet"];
      const startedMs = performance.now();
      const child = spawn(process.execPath, [bundle, ...words], {
        env: { ...process.env, HOME: home, TMPDIR: folder },
        stdio: ["ignore", "ignore", "inherit"],
      });
      let peakMegabytes = 0;
      const watch = setInterval(() => {
        peakMegabytes = Math.max(peakMegabytes, readPeak(child.pid));
      }, 10);
      const [status] = await once(child, "exit");
      clearInterval(watch);
      if (status !== 0) throw new Error(`statigo image push ended with ${status}`);
      return { seconds: (performance.now() - startedMs) / 1000, peakMegabytes };
    },
    async forget() {
      rmSync(join(home, ".cache"), { recursive: true, force: true });
    },
  };
}

/** VmHWM, in kB of 1024 bytes; nothing once the process is gone. */
function readPeak(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return (Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024) / 1_000_000;
  } catch {
    return 0;
  }
}
