import { spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../command.ts";
import { CommandError, exitStatus } from "../exit-status.ts";
import {
  type ExistingSite,
  findSite as findKnown,
  findPackageManager,
  readPackageJson,
} from "../init/existing-site.ts";
import { type Parts, readParts } from "../init/parts.ts";
import { findTemplatesFolder } from "../templates.ts";
import { say } from "../terminal.ts";

/** What goes into the image. */
export interface FoundSite {
  folder: string;
  /** Variables of the server, as the Dockerfile of such a site has them. */
  environment: Readonly<Record<string, string>>;
}

/** A folder from which a site is generated, and how. */
interface SiteSource {
  commands: readonly (readonly string[])[];
  /** Where the site may be then, the likeliest first. */
  outputs: readonly string[];
  /** Whether its generator is known, and so is the first of the outputs. */
  isKnown: boolean;
  environment: FoundSite["environment"];
  /** What brings the program of the commands. */
  prepare: string | undefined;
}

/**
 * The folder to put into the image: the one that was named, or, where that is what a site is made from, the one that
 * its own build writes. Nothing of it would be right in an image: sources, and packages by the thousand.
 */
export async function findSite(folder: string, asIs: boolean, signal: AbortSignal): Promise<FoundSite> {
  const source = asIs ? undefined : findSource(folder, readParts(findTemplatesFolder()));
  if (source === undefined) return { folder, environment: {} };
  const { environment, commands } = source;
  const startedMs = Date.now();
  for (const command of commands) await run(command, folder, source, signal);
  return { folder: findOutput(folder, source, startedMs), environment };
}

/** By the same data as `statigo init` writes a Dockerfile. */
function findSource(folder: string, parts: Parts): SiteSource | undefined {
  const known = findKnown(folder, parts);
  const script = known?.script ?? "build";
  if (Object.hasOwn(readPackageJson(folder)?.scripts ?? {}, script))
    return sourceWithScript(folder, script, known, parts);
  if (known === undefined) return undefined;
  const { command, dockerfile, title, environment = {} } = known.generator;
  if (command === undefined && dockerfile === "node") {
    throw new UsageError(
      `${folder} is a site made with ${title}, but its package.json has no script '${script}': add it, or name the folder of the finished site, or take this one with --as-is`,
    );
  }
  const commands = command === undefined ? [] : [command.split(" ")];
  return { commands, outputs: [known.output], isKnown: true, environment, prepare: undefined };
}

function sourceWithScript(
  folder: string,
  script: string,
  known: ExistingSite | undefined,
  parts: Parts,
): SiteSource {
  const { install, run, prepare } = findPackageManager(folder, parts);
  const isInstalled = ["node_modules", ".pnp.cjs"].some((name) => existsSync(join(folder, name)));
  const lines = [...(isInstalled ? [] : [install]), `${run} ${script}`];
  // Pages that are found in such a folder are what its build reads, as likely as what it writes.
  const generator = known?.generator.dockerfile === "plain" ? undefined : known?.generator;
  const usual = generator === undefined || known === undefined ? [] : [known.output];
  return {
    commands: lines.map((line) => line.split(" ")),
    outputs: [...new Set([...usual, ...scriptOutputs(parts)])],
    isKnown: generator !== undefined,
    environment: generator?.environment ?? {},
    prepare,
  };
}

/** Where one or another of the generators writes to that a script starts. */
function scriptOutputs({ generators }: Parts): string[] {
  return generators
    .filter(({ dockerfile }) => dockerfile === "node")
    .flatMap(({ output, nested }) => [output, ...(nested === undefined ? [] : [`${nested}/${output}`])]);
}

function findOutput(folder: string, source: SiteSource, startedMs: number): string {
  const { commands, outputs, isKnown } = source;
  const [usual = ""] = outputs;
  const line = commands.at(-1)?.join(" ");
  if (line === undefined) {
    if (usual !== ".")
      say(
        `${folder === "." ? "this folder" : folder} has its pages in ${usual}, which is taken (--as-is takes the folder as it is)`,
      );
    return join(folder, usual);
  }
  const written = outputs.find((name) => wasWritten(join(folder, name), startedMs));
  if (written !== undefined) return join(folder, written);
  const there = outputs.filter((name) => existsSync(join(folder, name, "index.html")));
  const [first] = there;
  // A build that finds its output up to date need not touch it.
  if (first !== undefined && (there.length === 1 || (isKnown && first === usual))) {
    say(`${line} left ${first} as it was, which is taken`);
    return join(folder, first);
  }
  throw new CommandError(
    `${line} wrote to none of ${outputs.join(", ")} in ${folder}: name the folder that it writes to`,
    exitStatus.failed,
  );
}

/** A folder of that name may be the generator's input, or be left from another time. */
function wasWritten(path: string, sinceMs: number): boolean {
  const index = join(path, "index.html");
  return existsSync(index) && Math.max(statSync(index).mtimeMs, statSync(path).ctimeMs) >= sinceMs - 2000;
}

function run(
  command: readonly string[],
  folder: string,
  { prepare }: SiteSource,
  signal: AbortSignal,
): Promise<void> {
  const [program = "", ...args] = command;
  const line = command.join(" ");
  say(`${folder} is what a site is made from: running ${line} (--as-is takes the folder as it is)`);
  return new Promise((resolve, reject) => {
    // What it prints is for people; the standard output is for the image's digest.
    const child = spawn(program, args, { cwd: folder, stdio: ["ignore", 2, 2], signal });
    child.once("error", (error: NodeJS.ErrnoException) => {
      const reason = error.code === "ENOENT" ? `${program} is not installed` : error.message;
      const remedy = `${prepare === undefined ? "" : `\`${prepare}\` brings it; or `}build the site, and name the folder that it is in`;
      reject(
        error.name === "AbortError"
          ? signal.reason
          : new CommandError(`${line}: ${reason}; ${remedy}`, exitStatus.failed),
      );
    });
    child.once("exit", (status) =>
      status === 0
        ? resolve()
        : reject(new CommandError(`${line} ended with status ${status}`, exitStatus.failed)),
    );
  });
}
