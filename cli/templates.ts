import { cpSync, existsSync, readdirSync, renameSync } from "node:fs";
import { basename, join } from "node:path";

/**
 * npm leaves `.gitignore` out of every package it packs, so the bundled templates carry it under this name.
 * build/bundle.ts renames on the way in, `copyTemplate` on the way out.
 */
export const packedGitignore = "_gitignore";

/** What a template's own build leaves behind when it is tried out in the repository. */
const buildOutputs = new Set(["node_modules", "_site", ".jekyll-cache", ".sass-cache"]);

/** Beside the bundle (`dist/templates`), or in the repository, one folder up from this file. */
export function findTemplatesFolder(): string {
  const candidates = [join(import.meta.dirname, "templates"), join(import.meta.dirname, "..", "templates")];
  const found = candidates.find((folder) => existsSync(folder));
  if (found === undefined)
    throw new Error(`the templates are missing: none of ${candidates.join(", ")} exists`);
  return found;
}

export function listTemplates(templatesFolder: string): string[] {
  return readdirSync(templatesFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map((entry) => entry.name)
    .sort();
}

/** Copies a template into a folder that is absent or empty, without what its own build made. */
export function copyTemplate(template: string, target: string): void {
  cpSync(template, target, {
    recursive: true,
    force: false,
    errorOnExist: true,
    filter: (source) => source === template || !buildOutputs.has(basename(source)),
  });
  renameEverywhere(target, packedGitignore, ".gitignore");
}

export function renameEverywhere(folder: string, from: string, to: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.name === from) renameSync(join(entry.parentPath, from), join(entry.parentPath, to));
  }
}
