import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { ArchiveEntry } from "./archive.ts";

/** A part of a site that becomes a layer of its own. */
export interface PlannedLayer {
  /** For people: `site`, `pages 3/8`. */
  name: string;
  entries: readonly ArchiveEntry[];
}

/** A site of more is split, so that an edit of one page does not make all of it travel. */
const partBytes = 16 * 1024 * 1024;
/** Of each kind; engines stop at 127 layers. */
const maximumParts = 16;

/** What a generator writes anew with every change of a layout or a menu; the rest are mostly pictures and fonts. */
const pageEndings = new Set(
  "html htm xhtml xml json txt css js mjs map svg md webmanifest rss atom ics csv".split(" "),
);

/**
 * Splits a site into layers: which file is in which depends on nothing but its path and how large the site is, so that
 * an edited page stays where it was. Pages and the rest are apart, because they change apart.
 */
export function planLayers(entries: readonly ArchiveEntry[]): PlannedLayer[] {
  if (sizeOf(entries) <= partBytes) return [{ name: "site", entries }];
  const leaves = entries.filter(({ kind }) => kind !== "directory");
  const pages = leaves.filter(isPage);
  const others = leaves.filter((entry) => !isPage(entry));
  const parts = [...split("pages", pages), ...split("assets", others)];
  const folders = new Map(
    entries.filter(({ kind }) => kind === "directory").map((folder) => [folder.path, folder]),
  );
  const needed = new Set(leaves.flatMap(({ path }) => foldersOf(path)));
  const empty = [...folders.values()].filter(({ path }) => !needed.has(path));
  return parts.map(({ name, entries: part }, index) => ({
    name,
    entries: withFolders(index === 0 ? [...part, ...empty] : part, folders),
  }));
}

function sizeOf(entries: readonly ArchiveEntry[]): number {
  return entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** A compressed sibling lies with the page that it is made of. */
function plainPath(path: string): string {
  return path.replace(/\.(?:br|zst|gz)$/, "");
}

function isPage({ path, kind }: ArchiveEntry): boolean {
  const ending = posix.extname(plainPath(path)).slice(1).toLowerCase();
  return kind === "link" || ending === "" || pageEndings.has(ending);
}

function split(name: string, entries: readonly ArchiveEntry[]): PlannedLayer[] {
  if (entries.length === 0) return [];
  // A power of two: a site that grows past a limit keeps no part as it was, so there are few limits.
  const wanted = 2 ** Math.ceil(Math.log2(Math.max(1, sizeOf(entries) / partBytes)));
  const count = Math.min(wanted, maximumParts);
  const groups = Map.groupBy(entries, ({ path }) => placeOf(plainPath(path)) % count);
  return [...groups]
    .sort(([one], [other]) => one - other)
    .map(([number, part]) => ({
      name: count === 1 ? name : `${name} ${number + 1}/${count}`,
      entries: part,
    }));
}

function placeOf(path: string): number {
  return createHash("sha256").update(path).digest().readUInt32BE(0);
}

function foldersOf(path: string): string[] {
  const folders: string[] = [];
  for (let at = posix.dirname(path); at !== "."; at = posix.dirname(at)) folders.push(at);
  return folders;
}

/** Each layer names the folders of its files: what is named in none gets the time and the owner of the unpacking. */
function withFolders(
  entries: readonly ArchiveEntry[],
  folders: ReadonlyMap<string, ArchiveEntry>,
): ArchiveEntry[] {
  const named = new Map<string, ArchiveEntry>();
  for (const entry of entries) {
    for (const path of foldersOf(entry.path).reverse()) {
      const folder = folders.get(path);
      if (folder !== undefined) named.set(path, folder);
    }
    named.set(entry.path, entry);
  }
  return [...named.values()].sort((one, other) =>
    Buffer.compare(Buffer.from(one.path), Buffer.from(other.path)),
  );
}
