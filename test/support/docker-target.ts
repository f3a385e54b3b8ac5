/** The docker target, configured as a service's would be, and containers for it to replace. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createFields } from "../../hook/config/fields.ts";
import { docker as kind } from "../../hook/target/docker/index.ts";
import type { Outcome, Release, Target } from "../../hook/target/target.ts";
import { type ImageName, parseImageName } from "../../oci/reference.ts";
import { startedDeployment } from "./deployments.ts";
import type { Docker } from "./docker.ts";
import { temporaryFolder } from "./hook.ts";

export interface TestTarget {
  target: Target;
  /** What the last call has logged. */
  lines(): string[];
  deploy(tag: string, more?: { digest?: string; signal?: AbortSignal; id?: number }): Promise<Outcome>;
  rollback(to: Release, signal?: AbortSignal): Promise<Outcome>;
}

export interface TestTargetOptions {
  image: string;
  service?: string;
  environment?: Record<string, string>;
  directory?: string;
}

/** `options` is what stands under `target.docker` in the config. */
export function createTarget(
  options: object,
  { image, service = "blog", environment = {}, directory = "/" }: TestTargetOptions,
): TestTarget {
  const fields = createFields({ environment, directory });
  const name = nameOfImage(image);
  const target = kind.create(kind.schema(fields).parse(options), {
    service,
    image: name,
    directory,
    environment,
  });
  let lines: string[] = [];
  const contextOf = (signal = new AbortController().signal) => {
    lines = [];
    return {
      log: (line: string) => void lines.push(line),
      signal,
      deadline: new Date(Date.now() + 60_000),
      remember: async () => {},
    };
  };
  const deploymentOf = (tag: string, digest: string | null, id = 1) =>
    startedDeployment({ id, service, image, tag, digest });
  return {
    target,
    lines: () => lines,
    deploy: (tag, { digest, signal, id } = {}) =>
      target.deploy(deploymentOf(tag, digest ?? null, id), contextOf(signal)),
    rollback: (to, signal) => {
      if (target.rollback === undefined) throw new Error("it cannot roll back");
      return target.rollback(to, deploymentOf("broken", null), contextOf(signal));
    },
  };
}

function nameOfImage(text: string): ImageName {
  const parsed = parseImageName(text);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.name;
}

/** Builds a site's image whose page is its tag; `lines` are more of its Dockerfile. */
export async function buildSite(
  docker: Docker,
  base: string,
  reference: string,
  lines: readonly string[] = [],
): Promise<void> {
  const context = temporaryFolder();
  try {
    mkdirSync(join(context, "site"));
    writeFileSync(join(context, "site", "index.html"), reference.split(":").at(-1) ?? "");
    writeFileSync(join(context, "Dockerfile"), [`FROM ${base}`, "COPY site ./", ...lines, ""].join("\n"));
    await docker.build({ context, tag: reference });
  } finally {
    rmSync(context, { recursive: true });
  }
}

/** A container's state, as far as these tests ask for it. */
export interface Seen {
  name: string;
  /** The page of what runs, or `undefined` for what is stopped. */
  page: string | undefined;
}

/** All that have a slot's name, or one made from it, by name. */
export async function lookAt(
  docker: Pick<Docker, "run">,
  slot: string,
  read: ReadPage = fetchPage,
): Promise<Seen[]> {
  const list = await docker.run([
    "ps",
    "--all",
    "--filter",
    `name=^/?${slot}(-|$)`,
    "--format",
    "{{.Names}}",
  ]);
  const names = list.split("\n").filter((name) => name !== "");
  return Promise.all(names.sort().map(async (name) => ({ name, page: await pageOf(docker, name, read) })));
}

/** From where the Engine's networks are. */
type ReadPage = (url: string) => Promise<string>;

const fetchPage: ReadPage = async (url) => (await fetch(url)).text();

const addressFormat =
  "{{.State.Running}} {{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}{{.HostConfig.NetworkMode}}";

async function pageOf(
  docker: Pick<Docker, "run">,
  name: string,
  read: ReadPage,
): Promise<string | undefined> {
  const [isRunning, address] = (await docker.run(["inspect", "--format", addressFormat, name])).split(" ");
  if (isRunning !== "true") return undefined;
  const answer = await read(`http://${address}:3000/`).catch((error: Error) => error);
  return answer instanceof Error ? `no answer: ${answer.message}` : answer.trim();
}

export async function removeSlot(docker: Pick<Docker, "run">, slot: string): Promise<void> {
  const list = await docker.run(["ps", "--all", "--quiet", "--filter", `name=^/?${slot}(-|$)`]);
  const ids = list.split("\n").filter((id) => id !== "");
  if (ids.length > 0) await docker.run(["rm", "--force", "--volumes", ...ids]);
}
