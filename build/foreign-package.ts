/** Debian packages of another architecture, unpacked into .cache/ without being installed: the machine stays as it is. */
import { execFile } from "node:child_process";
import { existsSync, globSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const cache = resolve(import.meta.dirname, "../.cache/debian");

/** Resolves to the folder that the package's files are in, as if it were `/`. @param architecture as Debian names it */
export async function unpackForeign(architecture: string, name: string): Promise<string> {
  const folder = join(cache, architecture, name);
  if (existsSync(folder)) return folder;
  const work = join(cache, architecture, `${name}.${process.pid}`);
  for (const part of ["lists/partial", "archives/partial", "files"])
    mkdirSync(join(work, part), { recursive: true });
  try {
    const apt = (...args: string[]) =>
      run("apt-get", [...aptOptions(architecture, work), ...args], { cwd: work });
    await apt("update");
    await apt("download", name);
    const [file = ""] = globSync(`${name}_*.deb`, { cwd: work });
    await run("dpkg", ["-x", join(work, file), join(work, "files")]);
    // Moved when it is whole; another build may have been quicker.
    if (!existsSync(folder)) renameSync(join(work, "files"), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}

/** The machine's own sources, with lists and state apart. */
function aptOptions(architecture: string, work: string): string[] {
  const settings = {
    "APT::Architecture": architecture,
    "APT::Architectures": architecture,
    "APT::Sandbox::User": "root",
    "Dir::State::lists": join(work, "lists"),
    "Dir::State::status": "/dev/null",
    "Dir::Cache": work,
  };
  return ["-qq", ...Object.entries(settings).flatMap(([key, value]) => ["-o", `${key}=${value}`])];
}
