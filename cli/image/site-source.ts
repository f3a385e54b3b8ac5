import { spawn } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { CommandError, exitStatus } from "../exit-status.ts";
import { say } from "../terminal.ts";

/** A folder from which a site is generated, and how. */
interface SiteSource {
  commands: readonly (readonly string[])[];
  /** Where a generator writes to, unless it is told otherwise. */
  outputs: readonly string[];
}

interface Generator {
  files: readonly string[];
  command: readonly string[];
  outputs: readonly string[];
}

/** Those that are programs of their own; all others have a `build` script in package.json. */
const generators: readonly Generator[] = [
  {
    files: ["hugo.toml", "hugo.yaml", "hugo.json", "config/_default/hugo.toml"],
    command: ["hugo", "--minify"],
    outputs: ["public"],
  },
  { files: ["_config.yml", "_config.yaml"], command: ["jekyll", "build"], outputs: ["_site"] },
  { files: ["mkdocs.yml"], command: ["mkdocs", "build"], outputs: ["site"] },
];

const scriptOutputs = [
  "_site",
  "dist",
  "build",
  "out",
  "public",
  ".vitepress/dist",
  "docs/.vitepress/dist",
  ".output/public",
];

/**
 * The folder to put into the image: the one that was named, or, where that is what a site is made from, the one that
 * its own build writes. Nothing of it would be right in an image: sources, and packages by the thousand.
 */
export async function findSite(folder: string, asIs: boolean, signal: AbortSignal): Promise<string> {
  const source = asIs ? undefined : findSource(folder);
  if (source === undefined) return folder;
  const startedMs = Date.now();
  for (const command of source.commands) await run(command, folder, signal);
  const site = source.outputs.map((name) => join(folder, name)).find((path) => wasWritten(path, startedMs));
  if (site !== undefined) return site;
  const [command = []] = source.commands.slice(-1);
  throw new CommandError(
    `${command.join(" ")} wrote to none of ${source.outputs.join(", ")} in ${folder}: name the folder that it writes to`,
    exitStatus.failed,
  );
}

function findSource(folder: string): SiteSource | undefined {
  const generator = generators.find(({ files }) => files.some((file) => existsSync(join(folder, file))));
  if (hasBuildScript(folder)) {
    const install = existsSync(join(folder, "package-lock.json")) ? "ci" : "install";
    const isInstalled = existsSync(join(folder, "node_modules"));
    const build = ["npm", "run", "build"];
    return {
      commands: isInstalled ? [build] : [["npm", install, "--no-audit", "--no-fund"], build],
      outputs: [...new Set([...(generator?.outputs ?? []), ...scriptOutputs])],
    };
  }
  return generator && { commands: [generator.command], outputs: generator.outputs };
}

function hasBuildScript(folder: string): boolean {
  try {
    const { scripts } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return typeof scripts?.build === "string";
  } catch {
    return false;
  }
}

/** A folder of that name may be the generator's input, or be left from another time. */
function wasWritten(path: string, sinceMs: number): boolean {
  const index = join(path, "index.html");
  return existsSync(index) && Math.max(statSync(index).mtimeMs, statSync(path).ctimeMs) >= sinceMs - 2000;
}

function run(command: readonly string[], folder: string, signal: AbortSignal): Promise<void> {
  const [program = "", ...args] = command;
  const line = command.join(" ");
  say(`${folder} is what a site is made from: running ${line} (--as-is takes the folder as it is)`);
  return new Promise((resolve, reject) => {
    // What it prints is for people; the standard output is for the image's digest.
    const child = spawn(program, args, { cwd: folder, stdio: ["ignore", 2, 2], signal });
    child.once("error", ({ message, name }) => {
      const remedy = `build the site, and name the folder that it is in`;
      reject(
        name === "AbortError"
          ? signal.reason
          : new CommandError(`${line}: ${message}; ${remedy}`, exitStatus.failed),
      );
    });
    child.once("exit", (status) =>
      status === 0
        ? resolve()
        : reject(new CommandError(`${line} ended with status ${status}`, exitStatus.failed)),
    );
  });
}
