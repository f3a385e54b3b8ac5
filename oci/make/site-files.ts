import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync, type Stats } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import { isImageArchive } from "../image-archive.ts";
import { ImageError } from "../image-error.ts";
import { describeBytes } from "../limits.ts";
import { quote } from "../manifest.ts";
import type { ArchiveEntry } from "./archive.ts";
import type { IgnoreRules } from "./ignore-rules.ts";

export interface SiteFolderOptions {
  folder: string;
  ignore: IgnoreRules;
  /** Names that begin with a dot too; the server sends none of them but `.well-known`. */
  hasHidden: boolean;
  /** A file that is being written, which may lie in the folder. */
  output: string | undefined;
  maximumBytes: number;
  /** Of all files, in seconds since 1970. */
  modifiedSeconds: number;
}

export interface SiteFiles {
  /** By their paths below the folder, folders before what is in them; always in the same order. */
  entries: readonly ArchiveEntry[];
  sizeBytes: number;
  fileCount: number;
  /** What was left out and might be missed. */
  warnings: readonly string[];
}

/** As many as the hook unpacks at most. */
const maximumEntries = 200_000;
const wellKnown = ".well-known";

/**
 * Lists a site's folder. Of the files only path and content count, not times, owners, modes and the order in which the
 * disk has them: two machines with the same files make the same image.
 */
export function listSiteFiles(options: SiteFolderOptions): SiteFiles {
  const { folder, maximumBytes } = options;
  const entries: ArchiveEntry[] = [];
  const warnings: string[] = [];
  const root = realpathSync(folder);
  let sizeBytes = 0;
  const visit = (prefix: string): void => {
    for (const name of readdirSync(join(root, prefix))) {
      const path = prefix === "" ? name : `${prefix}/${name}`;
      if (isNeverTaken(name, path, options)) continue;
      const isIgnored = options.ignore.isIgnored(path);
      if (isIgnored && !options.ignore.mayBeWantedBelow(path)) continue;
      checkName(name, path);
      const stats = lstatSync(join(root, path));
      if (isIgnored && !stats.isDirectory()) continue;
      if (!isIgnored && prefix === "" && isOwnImage(join(root, path), stats)) {
        warnings.push(`${quote(path)} is an image, and no part of the site: left out`);
        continue;
      }
      const entry = describe(path, stats, root, options);
      if (entry === undefined) warnings.push(`${quote(path)} is a pipe, a socket or a device: left out`);
      else if (!isIgnored) entries.push(entry);
      sizeBytes += entry?.sizeBytes ?? 0;
      if (sizeBytes > maximumBytes) throw tooLarge(sizeBytes, path, options);
      if (entries.length > maximumEntries) {
        throw new ImageError(`${folder} has more than ${maximumEntries} files and folders`);
      }
      if (stats.isDirectory()) visit(path);
    }
  };
  visit("");
  const complete = withFoldersOf(entries, options.modifiedSeconds);
  checkLinks(complete);
  const fileCount = entries.filter(({ kind }) => kind === "file").length;
  return { entries: complete, sizeBytes, fileCount, warnings };
}

function isNeverTaken(name: string, path: string, { hasHidden, output, folder }: SiteFolderOptions): boolean {
  if (output !== undefined && join(folder, path) === output) return true;
  if (name.startsWith(".") && name !== wellKnown && !hasHidden) return true;
  // It is about the folder, and no part of the site.
  return path === ".dockerignore";
}

/** What an earlier build, begun in the site's folder, has left there: a site in itself would grow with every build. */
function isOwnImage(path: string, stats: Stats): boolean {
  if (stats.isDirectory()) return ["oci-layout", "index.json"].every((name) => existsSync(join(path, name)));
  return stats.isFile() && path.endsWith(".tar") && isImageArchive(path);
}

function checkName(name: string, path: string): void {
  // What Node puts for bytes that are not UTF-8: two files could become one.
  if (name.includes("\ufffd")) {
    throw new ImageError(`${quote(path)} is not UTF-8: no address would lead to it; rename it`);
  }
  if (name.startsWith(".wh.")) {
    throw new ImageError(`${quote(path)} would delete a file in the image: rename it or leave it out`);
  }
}

function describe(
  path: string,
  stats: Stats,
  root: string,
  { modifiedSeconds }: SiteFolderOptions,
): ArchiveEntry | undefined {
  const common = { path, target: "", sizeBytes: 0, modifiedSeconds };
  if (stats.isDirectory()) return { ...common, kind: "directory", mode: 0o755 };
  if (stats.isSymbolicLink()) {
    return { ...common, kind: "link", mode: 0o777, target: linkTarget(path, root) };
  }
  if (!stats.isFile()) return undefined;
  return { ...common, kind: "file", mode: 0o644, sizeBytes: stats.size, content: join(root, path) };
}

/** Relative, so that it leads to the same file wherever the site is. */
function linkTarget(path: string, root: string): string {
  let real: string;
  try {
    real = realpathSync(join(root, path));
  } catch {
    const target = quote(readlinkSync(join(root, path)));
    throw new ImageError(
      `${quote(path)} is a link to ${target}, which leads nowhere: remove it or leave it out`,
    );
  }
  const inside = relative(root, real).split(sep).join("/");
  if (inside === ".." || inside.startsWith("../")) {
    throw new ImageError(
      `${quote(path)} is a link out of the folder, to ${quote(real)}: put a copy in its place or leave it out`,
    );
  }
  return posix.relative(posix.dirname(path), inside) || ".";
}

/** An exception of the rules may want a file whose folder is ignored. */
function withFoldersOf(entries: readonly ArchiveEntry[], modifiedSeconds: number): ArchiveEntry[] {
  const all = new Map(entries.map((entry) => [entry.path, entry]));
  for (const { path } of entries) {
    for (let at = posix.dirname(path); at !== "."; at = posix.dirname(at)) {
      if (all.has(at)) break;
      const common = { target: "", sizeBytes: 0, modifiedSeconds };
      all.set(at, { path: at, kind: "directory", mode: 0o755, ...common });
    }
  }
  return [...all.values()].sort((one, other) => comparePaths(one.path, other.path));
}

/** By the bytes of their names, which no locale changes. */
export function comparePaths(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

function checkLinks(entries: readonly ArchiveEntry[]): void {
  const known = new Set(entries.map(({ path }) => path));
  for (const { path, kind, target } of entries) {
    if (kind !== "link") continue;
    const to = posix.normalize(posix.join(posix.dirname(path), target));
    if (to !== "." && !known.has(to)) {
      throw new ImageError(
        `${quote(path)} is a link to ${quote(to)}, which is left out: leave both out or none`,
      );
    }
  }
}

function tooLarge(sizeBytes: number, path: string, { folder, maximumBytes }: SiteFolderOptions): ImageError {
  const seen = `${describeBytes(sizeBytes)} up to ${quote(path)}`;
  const allowed = describeBytes(maximumBytes);
  return new ImageError(`${folder} has ${seen}, more than ${allowed}; --max-size allows more`);
}
