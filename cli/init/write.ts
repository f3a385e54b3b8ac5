import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SiteFile } from "../templates.ts";

/** Writes what is not there yet, and answers the paths of what was: those are left as they are. */
export function writeFiles(target: string, files: readonly SiteFile[]): string[] {
  mkdirSync(target, { recursive: true });
  return files.filter((file) => !writeNew(join(target, file.path), file.content)).map(({ path }) => path);
}

function writeNew(path: string, content: string | Buffer): boolean {
  mkdirSync(dirname(path), { recursive: true });
  try {
    writeFileSync(path, content, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
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
