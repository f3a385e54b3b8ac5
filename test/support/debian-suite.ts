/** Programs from another Debian suite than the machine's own, unpacked into .cache/ without being installed. */
import { execFile } from "node:child_process";
import { accessSync, existsSync, globSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { debianSources, machineSources } from "./apt-sources.ts";
import { withLock } from "./lock.ts";

const execute = promisify(execFile);
const cache = resolve(import.meta.dirname, "../../.cache/debian");

export type FolderOrReason = { folder: string } | { reason: string };

/** The folder that the package's files are in, as if it were `/`. */
export async function unpackFromSuite(suite: string, name: string): Promise<FolderOrReason> {
  const folder = join(cache, suite, "unpacked", name);
  if (existsSync(folder)) return { folder };
  try {
    accessSync("/usr/bin/apt-get");
    await withLock(`debian-${suite}`, async () => {
      if (!existsSync(folder)) await download(suite, name, folder);
    });
    return { folder };
  } catch (error) {
    const { message } = error as Error;
    return { reason: `${name} could not be had from Debian's ${suite} suite: ${message.split("\n")[0]}` };
  }
}

async function download(suite: string, name: string, folder: string): Promise<void> {
  const options = configureApt(join(cache, suite));
  await execute("apt-get", [...options, "-qq", "update"], { timeout: 120_000 });
  const downloads = join(cache, suite, "downloads");
  mkdirSync(downloads, { recursive: true });
  await execute("apt-get", [...options, "-qq", "download", name], { cwd: downloads, timeout: 300_000 });
  const [file] = globSync(`${name}_*.deb`, { cwd: downloads });
  if (file === undefined) throw new Error("apt-get downloaded nothing");
  // Unpacked beside and moved: a folder with this name is whole.
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  await execute("dpkg", ["-x", join(downloads, file), unfinished]);
  renameSync(unfinished, folder);
  rmSync(join(downloads, file));
}

/** apt with lists and state of its own, so that the machine's own are neither read nor changed. */
function configureApt(root: string): string[] {
  const parts = join(root, "apt/sources.list.d");
  for (const folder of ["apt/sources.list.d", "apt/lists/partial", "apt/archives/partial"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  writeFileSync(join(parts, "suite.sources"), debianSources(machineSources(), suiteOf(root)));
  const settings = {
    "Dir::Etc::sourcelist": "/dev/null",
    "Dir::Etc::sourceparts": parts,
    "Dir::State::lists": join(root, "apt/lists"),
    "Dir::State::status": "/dev/null",
    "Dir::Cache": join(root, "apt"),
    "APT::Default-Release": "",
    "APT::Sandbox::User": "root",
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

function suiteOf(root: string): string {
  return root.slice(root.lastIndexOf("/") + 1);
}
