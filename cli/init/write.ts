import { closeSync, openSync, readdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolders } from "../../oci/make-folders.ts";
import { CommandError, exitStatus } from "../exit-status.ts";
import type { SiteFile } from "../templates.ts";

/** Writes what is not there yet, and answers the paths of what was: those are left as they are. */
export function writeFiles(target: string, files: readonly SiteFile[]): string[] {
  const made: Made = { folders: [], files: [] };
  try {
    makeFolders(target, made.folders);
    return files
      .filter((file) => !writeNew(join(target, file.path), file.content, made))
      .map(({ path }) => path);
  } catch (error) {
    remove(made);
    throw explain(error as NodeJS.ErrnoException, target);
  }
}

/** What one run has made: with all of it or nothing, the next run begins as this one did. */
interface Made {
  folders: string[];
  files: string[];
}

function remove({ folders, files }: Made): void {
  for (const file of files) rmSync(file, { force: true });
  for (const folder of folders.toReversed()) {
    if (readdirSync(folder).length === 0) rmdirSync(folder);
  }
}

function explain(error: NodeJS.ErrnoException, target: string): Error {
  if (error.syscall === undefined) return error;
  const message = `${target} cannot be written: ${error.message}; nothing was written`;
  return new CommandError(message, exitStatus.failed);
}

function writeNew(path: string, content: string | Buffer, made: Made): boolean {
  makeFolders(dirname(path), made.folders);
  const file = openNew(path);
  if (file === undefined) return false;
  made.files.push(path);
  try {
    writeFileSync(file, content);
  } finally {
    closeSync(file);
  }
  return true;
}

function openNew(path: string): number | undefined {
  try {
    return openSync(path, "wx");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw error;
  }
}

/** Paths as a tree, folders after what they are beside; `notes` are put behind the path they belong to. */
export function drawTree(
  root: string,
  paths: readonly string[],
  notes: Readonly<Record<string, string>>,
): string {
  return `${[root, ...drawBranch([...paths].sort(), "", "", notes)].join("\n")}\n`;
}

function drawBranch(
  paths: readonly string[],
  folder: string,
  margin: string,
  notes: Readonly<Record<string, string>>,
): string[] {
  const names = [...new Set(paths.map((path) => path.slice(folder.length).split("/")[0] ?? ""))];
  return names.flatMap((name, index) => {
    const isLast = index === names.length - 1;
    const path = `${folder}${name}`;
    const below = paths.filter((other) => other.startsWith(`${path}/`));
    const note = notes[path];
    const line = `${margin}${isLast ? "└── " : "├── "}${name}${note === undefined ? "" : `  (${note})`}`;
    return [line, ...drawBranch(below, `${path}/`, `${margin}${isLast ? "    " : "│   "}`, notes)];
  });
}
