import { posix } from "node:path";
import { ImageError } from "./image-error.ts";
import type { ImageDirectory, ImageFile, ImageLink, ImageNode, ImageTree, Place } from "./image-tree.ts";
import { describeBytes } from "./limits.ts";
import { quote } from "./manifest.ts";

/** What is written of an image: one folder of it, all paths relative to that. */
export interface SitePlan {
  /** Parents before children. */
  directories: readonly string[];
  /** Each content once; the other paths are hard links to it. */
  files: readonly PlannedFile[];
  /** Relative, and straight to a file or folder of the plan, never to another link. */
  links: readonly { path: string; target: string }[];
  /** What is left out, and why. */
  omissions: readonly string[];
  sizeBytes: number;
}

export interface PlannedFile {
  node: ImageFile;
  paths: [string, ...string[]];
}

/** The longest name that Linux's file systems take. */
const maximumNameBytes = 255;
/** Together with the folder that it is put into, a path has to stay below 4,096. */
const maximumPathBytes = 2048;

/** Finds the folder in the image and lists what is below it. Throws ImageError for what must not be written. */
export function planSite(tree: ImageTree, path: string, maximumBytes: number): SitePlan {
  const start = tree.findDirectory(path);
  if (start === undefined) {
    throw new ImageError(
      `the image has no folder ${quote(path)}; it has ${describeFolders(tree.root.directory)}`,
    );
  }
  const listing = listBelow(start);
  const sizeBytes = [...listing.files.keys()].reduce((sum, file) => sum + file.sizeBytes, 0);
  if (listing.files.size === 0) throw new ImageError(`the image has no files in ${quote(path)}`);
  if (sizeBytes > maximumBytes) {
    throw new ImageError(
      `the files in ${quote(path)} have ${describeBytes(sizeBytes)}, more than the ${describeBytes(maximumBytes)} that are allowed`,
    );
  }
  const links: { path: string; target: string }[] = [];
  const omissions = listing.specials.map((special) => `${quote(special)} is a device or a pipe`);
  for (const { path: link, from, node } of listing.links) {
    const target = pathOf(tree.followLink(from, node), listing);
    if (target === undefined)
      omissions.push(`${quote(link)} is a link that leads to nothing in ${quote(path)}`);
    else links.push({ path: link, target: posix.relative(posix.dirname(link), target) || "." });
  }
  const files = [...listing.files].map(([node, paths]) => ({ node, paths }));
  return { directories: [...listing.directories.values()].slice(1), files, links, omissions, sizeBytes };
}

interface Listing {
  directories: Map<ImageDirectory, string>;
  files: Map<ImageFile, [string, ...string[]]>;
  links: { path: string; from: Place; node: ImageLink }[];
  specials: string[];
}

/** Of all paths together: deep folders with many files would take memory by the square of their depth. */
const maximumPathsBytes = 32 * 1024 * 1024;

function listBelow(start: Place): Listing {
  const listing: Listing = { directories: new Map(), files: new Map(), links: [], specials: [] };
  let pathBytesLeft = maximumPathsBytes;
  const pending: [Place, string][] = [[start, ""]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [place, prefix] = next;
    listing.directories.set(place.directory, prefix);
    for (const [name, node] of place.directory.children) {
      const path = prefix === "" ? name : `${prefix}/${name}`;
      pathBytesLeft -= measure(name, path);
      if (pathBytesLeft < 0) throw new ImageError("the names of the image's files are too long in all");
      if (node.kind === "directory") pending.push([{ directory: node, above: place }, path]);
      else addLeaf(listing, node, path, place);
    }
  }
  return listing;
}

function addLeaf(
  listing: Listing,
  node: Exclude<ImageNode, ImageDirectory>,
  path: string,
  from: Place,
): void {
  if (node.kind === "symlink") listing.links.push({ path, from, node });
  else if (node.kind === "special") listing.specials.push(path);
  else {
    const paths = listing.files.get(node);
    if (paths === undefined) listing.files.set(node, [path]);
    else paths.push(path);
  }
}

/** A path's length, when it can be written. */
function measure(name: string, path: string): number {
  const sizeBytes = Buffer.byteLength(path);
  if (Buffer.byteLength(name) > maximumNameBytes || sizeBytes > maximumPathBytes) {
    throw new ImageError(`${quote(path)} in the image is too long a name for a file system`);
  }
  // What the archive's reader puts for bytes that are not UTF-8: two names could have become one.
  if (name.includes("\ufffd")) throw new ImageError(`${quote(path)} in the image is not UTF-8`);
  return sizeBytes;
}

function pathOf(node: ImageNode | undefined, { directories, files }: Listing): string | undefined {
  if (node?.kind === "directory") return directories.get(node);
  return node?.kind === "file" ? files.get(node)?.[0] : undefined;
}

function describeFolders({ children }: ImageDirectory): string {
  const names = [...children].filter(([, { kind }]) => kind === "directory").map(([name]) => `/${name}`);
  if (names.length === 0) return "none at all";
  return names
    .slice(0, 20)
    .map((name) => quote(name))
    .join(", ");
}
