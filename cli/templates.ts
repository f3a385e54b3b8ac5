import { existsSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join, relative } from "node:path";

/**
 * npm leaves `.gitignore` out of every package it packs, so the bundled templates carry it under this name.
 * build/bundle.ts renames on the way in, `readTemplate` on the way out.
 */
export const packedGitignore = "_gitignore";

/** A file of a site, by its path in the site's folder. */
export interface SiteFile {
  path: string;
  content: string | Buffer;
}

/** Beside the bundle (`dist/templates`), or in the repository, one folder up from this file. */
export function findTemplatesFolder(): string {
  const candidates = [join(import.meta.dirname, "templates"), join(import.meta.dirname, "..", "templates")];
  const found = candidates.find((folder) => existsSync(folder));
  if (found === undefined)
    throw new Error(`the templates are missing: none of ${candidates.join(", ")} exists`);
  return found;
}

/** `_parts` is what the other files of a site are composed from, and no template. */
export function listTemplates(templatesFolder: string): string[] {
  return readdirSync(templatesFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !/^[._]/.test(entry.name))
    .map((entry) => entry.name)
    .sort();
}

/** A template's files, without what its own build leaves behind when it is tried out: what its .gitignore names. */
export function readTemplate(template: string): SiteFile[] {
  const ignored = ignoredPaths(template);
  const filesBelow = (folder: string): SiteFile[] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const full = join(folder, entry.name);
      const path = relative(template, full);
      if (ignored.has(path)) return [];
      if (entry.isDirectory()) return filesBelow(full);
      const name = entry.name === packedGitignore ? ".gitignore" : entry.name;
      return [{ path: join(relative(template, folder), name), content: readFileSync(full) }];
    });
  return filesBelow(template);
}

function ignoredPaths(template: string): Set<string> {
  const file = [".gitignore", packedGitignore].map((name) => join(template, name)).find(existsSync);
  const lines = file === undefined ? [] : readFileSync(file, "utf8").split("\n");
  return new Set(lines.map((line) => line.replace(/\/$/, "")));
}

export function renameEverywhere(folder: string, from: string, to: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.name === from) renameSync(join(entry.parentPath, from), join(entry.parentPath, to));
  }
}
