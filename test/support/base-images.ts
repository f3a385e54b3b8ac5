/**
 * The public images that our Dockerfiles build on: one that is here already, else pulled, else a stand-in made from
 * this machine's Debian archive and npm, under the same name and labelled, so that the Dockerfiles build unchanged on
 * a machine that reaches no registry of images.
 */
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { debianSources, machineSources } from "./apt-sources.ts";
import type { Docker } from "./docker.ts";
import { withLock } from "./lock.ts";

export type BaseImage =
  | "debian:bookworm-slim"
  | "node:24-bookworm-slim"
  | "alpine:3.23"
  | "jekyll/jekyll:stable";

interface StandIn {
  readonly builtOn?: BaseImage;
  /** What makes the image what it is, besides the files in `stand-ins/`: a change of it makes a new image. */
  ingredients(): Promise<string>;
  make(docker: Docker, folder: string, label: string): Promise<void>;
}

const execute = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");
const recipes = join(import.meta.dirname, "stand-ins");
const labelName = "statigo.stand-in";
const npmVersion = "11.21.2";

const standIns: Readonly<Record<BaseImage, StandIn>> = {
  "debian:bookworm-slim": {
    ingredients: async () => "bookworm 1",
    make: makeDebian,
  },
  "node:24-bookworm-slim": {
    builtOn: "debian:bookworm-slim",
    ingredients: async () => [npmVersion, await npmConfiguration(), caBundle(), recipe("node")].join("\n"),
    make: makeNode,
  },
  "alpine:3.23": {
    builtOn: "debian:bookworm-slim",
    ingredients: async () => recipe("alpine"),
    make: async (docker, folder, label) => {
      cpSync(join(recipes, "alpine"), folder, { recursive: true });
      await buildStandIn(docker, "alpine:3.23", folder, label);
    },
  },
  "jekyll/jekyll:stable": {
    builtOn: "alpine:3.23",
    ingredients: async () => [recipe("alpine"), recipe("jekyll")].join("\n"),
    make: async (docker, folder, label) => {
      cpSync(join(recipes, "jekyll"), folder, { recursive: true });
      await buildStandIn(docker, "jekyll/jekyll:stable", folder, label);
    },
  },
};

export function ensureBaseImage(docker: Docker, image: BaseImage): Promise<void> {
  return withLock("base-images", () => ensure(docker, image));
}

async function ensure(docker: Docker, image: BaseImage): Promise<void> {
  const label = createHash("sha256")
    .update(await standIns[image].ingredients())
    .digest("hex")
    .slice(0, 16);
  const present = await presentImage(docker, image);
  if (present === "real" || present === label) return;
  const problem = await pull(docker, image);
  if (problem === undefined) return;
  console.error(`# ${image} cannot be pulled (${problem}): making a stand-in`);
  await makeStandIn(docker, image, label);
}

/** The stand-in's label, "real" for an image without one, undefined when there is none. */
async function presentImage(docker: Docker, image: BaseImage): Promise<string | undefined> {
  try {
    const format = `{{with .Config.Labels}}{{index . "${labelName}"}}{{end}}`;
    return (await docker.run(["image", "inspect", "--format", format, image])) || "real";
  } catch {
    return undefined;
  }
}

/**
 * Undefined when it was pulled, otherwise why not. A registry that can be reached says its first word in seconds; the
 * layers may take minutes after it.
 */
function pull(docker: Docker, image: BaseImage): Promise<string | undefined> {
  return new Promise((settle) => {
    const child = spawn("docker", ["pull", image], { env: docker.environment });
    const silence = setTimeout(() => child.kill(), 20_000);
    const limit = setTimeout(() => child.kill(), 600_000);
    let said = "";
    child.stdout.once("data", () => clearTimeout(silence));
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    child.once("error", (error) => settle(error.message));
    child.once("close", (status) => {
      clearTimeout(silence);
      clearTimeout(limit);
      settle(
        status === 0 ? undefined : said.trim().split("\n").at(-1) || "the registry did not answer in time",
      );
    });
  });
}

async function makeStandIn(docker: Docker, image: BaseImage, label: string): Promise<void> {
  const { builtOn, make } = standIns[image];
  if (builtOn !== undefined) await ensure(docker, builtOn);
  const folder = mkdtempSync(join(tmpdir(), "statigo-stand-in-"));
  try {
    await make(docker, folder, `${labelName}=${label}`);
  } catch (error) {
    const { message, stderr } = error as Error & { stderr?: string };
    const said = `${message}\n${stderr ?? ""}`.trim().split("\n").slice(-5).join("\n");
    throw new Error(`${image} could neither be pulled nor replaced by a stand-in: ${said}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function makeDebian(docker: Docker, folder: string, label: string): Promise<void> {
  const sources = debianSources(machineSources(), "bookworm");
  if (sources === "") throw new Error("this machine's apt sources name no Debian archive");
  const sourcesFile = join(folder, "debian.sources");
  writeFileSync(sourcesFile, sources);
  const tar = join(folder, "debian.tar");
  const slim = ["doc", "man", "locale", "info"].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  const options = ["--quiet", "--variant=apt", ...slim];
  // With a fixed clock two machines make the same bytes, and what was built on them stays cached.
  const env = { ...process.env, SOURCE_DATE_EPOCH: "0" };
  await execute("mmdebstrap", [...options, "bookworm", tar, sourcesFile], { env, timeout: 300_000 });
  const changes = [`LABEL ${label}`, 'CMD ["bash"]'].flatMap((change) => ["--change", change]);
  await docker.run(["import", ...changes, tar, "debian:bookworm-slim"], { timeoutMs: 120_000 });
}

async function makeNode(docker: Docker, folder: string, label: string): Promise<void> {
  cpSync(join(recipes, "node"), folder, { recursive: true });
  // The devDependency `node`, so that the image runs what the tests run.
  copyFileSync(join(root, "node_modules/node/bin/node"), join(folder, "node"));
  const packed = await execute("npm", ["pack", "--silent", `npm@${npmVersion}`], { cwd: folder });
  mkdirSync(join(folder, "npm"));
  await execute("tar", ["--extract", "--file", packed.stdout.trim(), "--directory", "npm"], { cwd: folder });
  writeFileSync(join(folder, "npmrc"), await npmConfiguration());
  writeFileSync(join(folder, "ca-certificates.crt"), caBundle());
  await buildStandIn(docker, "node:24-bookworm-slim", folder, label);
}

/** npm in the image reaches its registry as npm on this machine does. */
async function npmConfiguration(): Promise<string> {
  const { stdout } = await execute("npm", ["config", "get", "registry"], { cwd: tmpdir() });
  const settings = ["cafile=/etc/ssl/certs/ca-certificates.crt", "fund=false", "audit=false"];
  return `${[`registry=${stdout.trim()}`, ...settings, "update-notifier=false"].join("\n")}\n`;
}

function caBundle(): string {
  return readFileSync("/etc/ssl/certs/ca-certificates.crt", "utf8");
}

function recipe(name: string): string {
  const files = globSync("*", { cwd: join(recipes, name) }).sort();
  return files.map((file) => `${file}\n${readFileSync(join(recipes, name, file), "utf8")}`).join("\n");
}

async function buildStandIn(docker: Docker, image: BaseImage, folder: string, label: string): Promise<void> {
  const [name, value] = label.split("=");
  writeFileSync(join(folder, "Dockerfile"), `LABEL ${name}=${value}\n`, { flag: "a" });
  await docker.build({ context: folder, tag: image });
}
