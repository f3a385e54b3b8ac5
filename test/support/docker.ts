/**
 * Docker for tests. A test file that needs it is
 *
 *   await describeWithDocker("the image", ["node:24-bookworm-slim"], (docker) => {
 *     test("…", …)
 *
 * which finds a running daemon or starts one (docker-daemon.ts), has the named base images ready (base-images.ts), and
 * lets go of the daemon at the end. Elsewhere ensureDocker() does the same, and its stop() has to be called: the tests'
 * own daemon ends when its last user says so. startDockerForTests() keeps it up over several test files.
 */
import { execFile } from "node:child_process";
import { dirname } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { type BaseImage, ensureBaseImage } from "./base-images.ts";
import { type Daemon, findDaemon } from "./docker-daemon.ts";

export interface Build {
  readonly context: string;
  readonly tag: string;
  /** Relative to the context; `Dockerfile` when it is not given. */
  readonly file?: string;
  readonly args?: Readonly<Record<string, string>>;
  /** The stage, when it is not the last. */
  readonly target?: string;
  /** "classic" is the builder of Docker before 23. */
  readonly builder?: "buildkit" | "classic";
}

export interface Docker {
  readonly version: string;
  /** For commands that run `docker` themselves: with it they find this daemon and this client. */
  readonly environment: NodeJS.ProcessEnv;
  /** Runs `docker …` and answers what it printed; throws with its errors when it fails. */
  run(args: readonly string[], options?: { timeoutMs?: number }): Promise<string>;
  build(build: Build): Promise<void>;
  stop(): Promise<void>;
}

export type DockerOrReason = Docker | { readonly reason: string; stop(): Promise<void> };

export function isAvailable(docker: DockerOrReason): docker is Docker {
  return !("reason" in docker);
}

export async function ensureDocker(...images: readonly BaseImage[]): Promise<DockerOrReason> {
  const daemon = await findDaemon();
  if ("reason" in daemon) return { reason: daemon.reason, stop: async () => {} };
  const docker = dockerOf(daemon);
  try {
    for (const image of images) await ensureBaseImage(docker, image);
  } catch (error) {
    await docker.stop();
    return { reason: (error as Error).message, stop: async () => {} };
  }
  return docker;
}

/** A suite that is given Docker, or one skipped test that says why there is none. */
export async function describeWithDocker(
  title: string,
  images: readonly BaseImage[],
  define: (docker: Docker) => void,
): Promise<void> {
  const docker = await ensureDocker(...images);
  if (!isAvailable(docker)) {
    test(title, { skip: docker.reason });
    return;
  }
  describe(title, () => {
    after(() => docker.stop());
    define(docker);
  });
}

/** Keeps one daemon running for all the processes that the caller starts, until the answer's stop(). */
export async function startDockerForTests(): Promise<DockerOrReason> {
  const docker = await ensureDocker();
  const host = isAvailable(docker) ? docker.environment["DOCKER_HOST"] : undefined;
  if (host !== undefined) process.env["DOCKER_HOST"] = host;
  return docker;
}

const execute = promisify(execFile);

function dockerOf(daemon: Daemon): Docker {
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: `${dirname(daemon.client)}:${process.env["PATH"]}`,
    ...(daemon.host === undefined ? {} : { DOCKER_HOST: daemon.host }),
  };
  const runWith = async (args: readonly string[], env: NodeJS.ProcessEnv, timeout: number) => {
    const settings = { env, timeout, maxBuffer: 64 * 1024 * 1024 };
    try {
      return (await execute(daemon.client, args, settings)).stdout.trim();
    } catch (error) {
      throw describeFailure(args, error as Failure);
    }
  };
  return {
    version: daemon.version,
    environment,
    run: (args, { timeoutMs = 180_000 } = {}) => runWith(args, environment, timeoutMs),
    build: async (build) => {
      const env = { ...environment, DOCKER_BUILDKIT: build.builder === "classic" ? "0" : "1" };
      await runWith(buildArguments(build), env, 600_000);
    },
    stop: daemon.release,
  };
}

function buildArguments({ context, tag, file, args = {}, target }: Build): string[] {
  const buildArgs = Object.entries(args).flatMap(([name, value]) => ["--build-arg", `${name}=${value}`]);
  return [
    "build",
    "--tag",
    tag,
    ...(file === undefined ? [] : ["--file", `${context}/${file}`]),
    ...(target === undefined ? [] : ["--target", target]),
    ...buildArgs,
    context,
  ];
}

type Failure = Error & { stdout?: string; stderr?: string; killed?: boolean };

function describeFailure(args: readonly string[], failure: Failure): Error {
  const said = `${failure.stdout ?? ""}${failure.stderr ?? ""}`.trim().split("\n").slice(-30).join("\n");
  const ended = failure.killed === true ? "took too long" : "failed";
  return new Error(`docker ${args.join(" ")} ${ended}:\n${said || failure.message}`);
}
