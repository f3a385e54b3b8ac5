/** Containers of our images, locked down as an operator would, and read through a port on 127.0.0.1. */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Docker } from "./docker.ts";

/** What every image of ours has to run under: nothing to write to, nothing it may do, little memory. */
export const lockedDown: readonly string[] = [
  "--read-only",
  "--cap-drop=ALL",
  "--security-opt=no-new-privileges",
  "--memory=16m",
];

export interface ContainerOptions {
  readonly image: string;
  /** Options of `docker run`, beside `lockedDown`. */
  readonly options?: readonly string[];
  /** Arguments for the image's entry point. */
  readonly flags?: readonly string[];
  /** Where the server listens inside. */
  readonly port?: number;
  /** In the host's network, where what listens on loopback is reached: then the port is the host's. */
  readonly isOnHost?: boolean;
}

export interface Container {
  readonly id: string;
  /** `http://127.0.0.1:<published port>` */
  readonly url: string;
  inspect(format: string): Promise<string>;
  /** Until the health status is this one; throws with the last probe's words when it does not come. */
  waitForHealth(status: "healthy" | "unhealthy"): Promise<void>;
  /** `docker stop`, and how it went. */
  stop(): Promise<{ exitCode: number; durationMs: number }>;
  remove(): Promise<void>;
}

export async function startContainer(docker: Docker, options: ContainerOptions): Promise<Container> {
  const { image, flags = [], port = 3000, isOnHost = false } = options;
  const publish = isOnHost ? ["--network=host"] : ["--publish", `127.0.0.1::${port}`];
  const id = await docker.run([
    "run",
    "--detach",
    ...lockedDown,
    ...publish,
    ...(options.options ?? []),
    image,
    ...flags,
  ]);
  const inspect = (format: string) => docker.run(["inspect", "--format", format, id]);
  const remove = async () => {
    await docker.run(["rm", "--force", "--volumes", id]);
  };
  try {
    const published = isOnHost ? `127.0.0.1:${port}` : await docker.run(["port", id, `${port}/tcp`]);
    const [address] = published.split("\n");
    const container = { id, url: `http://${address}`, inspect, remove, ...lifeOf(docker, id, inspect) };
    await waitUntilServing(container);
    return container;
  } catch (error) {
    const log = await docker.run(["logs", id]).catch(() => "");
    await remove();
    throw new Error(`${image} did not serve: ${(error as Error).message}\n${log}`);
  }
}

function lifeOf(docker: Docker, id: string, inspect: Container["inspect"]) {
  return {
    waitForHealth: async (status: string) => {
      const deadline = performance.now() + 30_000;
      while ((await inspect("{{.State.Health.Status}}")) !== status) {
        if (performance.now() > deadline) {
          throw new Error(`not ${status} in time: ${await inspect("{{json .State.Health}}")}`);
        }
        await sleep(200);
      }
    },
    stop: async () => {
      const startedAt = performance.now();
      await docker.run(["stop", id]);
      const durationMs = performance.now() - startedAt;
      return { exitCode: Number(await inspect("{{.State.ExitCode}}")), durationMs };
    },
  };
}

/** The published port accepts connections before the container listens, and then resets them. */
async function waitUntilServing({ url, inspect }: Pick<Container, "url" | "inspect">): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    try {
      await (await fetch(`${url}/health`)).arrayBuffer();
      return;
    } catch (error) {
      const isRunning = (await inspect("{{.State.Running}}")) === "true";
      if (!isRunning) throw new Error(`it ended with ${await inspect("{{.State.ExitCode}}")}`);
      if (performance.now() > deadline) throw error;
    }
    await sleep(50);
  }
}

/** What the kernel holds a container's first process to, read from outside of it: the image may have no shell. */
export interface Confinement {
  /** Real, effective, saved and that for files. */
  userIds: readonly number[];
  groupIds: readonly number[];
  /** All it has and all it could ever get, in one number. */
  capabilities: bigint;
  noNewPrivileges: boolean;
  /** 2 is a filter. */
  seccompMode: number;
  rootIsReadOnly: boolean;
}

export async function confinementOf({ inspect }: Container): Promise<Confinement> {
  const folder = `/proc/${await inspect("{{.State.Pid}}")}`;
  const status = readFileSync(`${folder}/status`, "utf8");
  const words = (name: string) => new RegExp(`^${name}:\\s+(.*)$`, "m").exec(status)?.[1]?.split(/\s+/) ?? [];
  const sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
  const mounts = readFileSync(`${folder}/mountinfo`, "utf8").split("\n");
  return {
    userIds: words("Uid").map(Number),
    groupIds: words("Gid").map(Number),
    capabilities: sets.reduce((all, name) => all | BigInt(`0x${words(name)[0] ?? "f"}`), 0n),
    noNewPrivileges: words("NoNewPrivs")[0] === "1",
    seccompMode: Number(words("Seccomp")[0]),
    rootIsReadOnly: mounts.some((line) => /^(?:\S+ ){4}\/ ro[, ]/.test(line)),
  };
}

/** An image needs no more than this. */
export const confined: Confinement = {
  userIds: [65532, 65532, 65532, 65532],
  groupIds: [65532, 65532, 65532, 65532],
  capabilities: 0n,
  noNewPrivileges: true,
  seccompMode: 2,
  rootIsReadOnly: true,
};
