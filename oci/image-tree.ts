import { ImageError } from "./image-error.ts";
import type { LayerEntry } from "./layer.ts";
import { quote } from "./manifest.ts";

/** An image's files as its layers leave them, in memory: nothing of an archive is followed on the disk. */
export type ImageNode = ImageDirectory | ImageFile | ImageLink | { readonly kind: "special" };

export interface ImageDirectory {
  readonly kind: "directory";
  readonly children: Map<string, ImageNode>;
}

/** Hard links to a file are one node in several places. */
export interface ImageFile {
  readonly kind: "file";
  /** Where its content is: the layer's number, and the entry's in the layer's archive. */
  readonly layer: number;
  readonly entry: number;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly mtimeMs: number;
}

export interface ImageLink {
  readonly kind: "symlink";
  readonly target: string;
}

/** A directory with those that it is in, up to the image's root: `..` needs them. */
export interface Place {
  readonly directory: ImageDirectory;
  readonly above: Place | undefined;
}

/** What a path leads to. */
interface Arrival {
  node: ImageNode | undefined;
  /** The node itself where it is a directory, else the directory that it is in. */
  place: Place;
}

const whiteoutPrefix = ".wh.";
const opaqueMarker = ".wh..wh..opq";

/** As Linux: more links on one path are taken for a loop. */
const maximumLinks = 40;
/** Of all paths together, so that long names through many links cost no hours: an image of 200,000 files has about 2 million. */
const maximumSteps = 5_000_000;

export class ImageTree {
  readonly root: Place = { directory: newDirectory(), above: undefined };
  private stepsLeft = maximumSteps;
  private nodesLeft: number;

  /** Folders that no entry names count as well: one name can stand for a thousand of them. */
  constructor(maximumNodes: number) {
    this.nodesLeft = maximumNodes;
  }

  /**
   * Puts a layer on top: first its whiteouts, which are about the layers below only (image specification, "Layer
   * changesets"), then its entries in their order.
   */
  addLayer(entries: readonly LayerEntry[], layer: number): void {
    for (const { name } of entries) {
      const parts = splitName(name);
      if (parts.at(-1)?.startsWith(whiteoutPrefix)) this.removeBelow(parts);
    }
    for (const [index, entry] of entries.entries()) this.addEntry(entry, layer, index);
  }

  /** The directory of a path, links within the image followed as if it were the whole machine. */
  findDirectory(path: string): Place | undefined {
    const found = this.walk(this.root, partsOf(path));
    return found?.node?.kind === "directory" ? found.place : undefined;
  }

  /** What a link in a directory leads to in the end; `undefined` for nothing. */
  followLink(from: Place, { target }: ImageLink): ImageNode | undefined {
    return this.walk(target.startsWith("/") ? this.root : from, partsOf(target))?.node;
  }

  /** Not through links: what this layer puts in a link's place has nothing below it. */
  private removeBelow(parts: readonly string[]): void {
    let { directory } = this.root;
    this.countSteps(parts.length);
    for (const part of parts.slice(0, -1)) {
      const child = directory.children.get(part);
      if (child?.kind !== "directory") return;
      directory = child;
    }
    const name = parts.at(-1) ?? "";
    if (name === opaqueMarker) directory.children.clear();
    // Others with both prefixes are aufs's own, and mean nothing.
    else if (!name.startsWith(`${whiteoutPrefix}${whiteoutPrefix}`)) {
      directory.children.delete(name.slice(whiteoutPrefix.length));
    }
  }

  private addEntry(entry: LayerEntry, layer: number, index: number): void {
    const parts = splitName(entry.name);
    const name = parts.pop();
    if (name === undefined) return;
    // aufs has folders of its own with such names, and files in them.
    if ([...parts, name].some((part) => part.startsWith(whiteoutPrefix))) return;
    const parent = this.makeDirectories(parts, entry.name);
    const node = this.createNode(entry, layer, index);
    if (node.kind === "directory" && parent.children.get(name)?.kind === "directory") return;
    this.countNode();
    parent.children.set(name, node);
  }

  private createNode(entry: LayerEntry, layer: number, index: number): ImageNode {
    switch (entry.type) {
      case "directory":
        return newDirectory();
      case "symlink":
        return { kind: "symlink", target: entry.target };
      case "special":
        return { kind: "special" };
      case "hardlink":
        return this.findLinked(entry);
      case "file": {
        const { sizeBytes, mode, mtimeMs } = entry;
        return { kind: "file", layer, entry: index, sizeBytes, mode, mtimeMs };
      }
    }
  }

  private findLinked({ name, target }: LayerEntry): ImageNode {
    const parts = splitName(target);
    const last = parts.pop() ?? "";
    const parent = this.walk(this.root, parts)?.node;
    const node = parent?.kind === "directory" ? parent.children.get(last) : undefined;
    if (node !== undefined && node.kind !== "directory") return node;
    throw new ImageError(`${quote(name)} in a layer is a hard link to ${quote(target)}, which is no file`);
  }

  private makeDirectories(parts: readonly string[], name: string): ImageDirectory {
    const node = this.walk(this.root, parts, true)?.node;
    if (node?.kind === "directory") return node;
    throw new ImageError(`${quote(name)} in a layer is below something that is not a folder`);
  }

  /**
   * `undefined` when something on the way is missing, or not a directory. Links are followed, the last one as well;
   * with `makes`, folders that are missing are made.
   */
  private walk(start: Place, parts: readonly string[], makes = false): Arrival | undefined {
    let place = start;
    const ahead = parts.toReversed();
    let links = 0;
    this.countSteps(ahead.length);
    for (let part = ahead.pop(); part !== undefined; part = ahead.pop()) {
      if (part === "..") {
        // The root's parent is the root.
        place = place.above ?? place;
        continue;
      }
      const child = place.directory.children.get(part) ?? (makes ? this.makeIn(place, part) : undefined);
      if (child?.kind === "directory") place = { directory: child, above: place };
      else if (child?.kind === "symlink") {
        links += 1;
        if (links > maximumLinks) return undefined;
        if (child.target.startsWith("/")) place = this.root;
        const detour = partsOf(child.target).reverse();
        this.countSteps(detour.length);
        ahead.push(...detour);
      } else return ahead.length === 0 ? { node: child, place } : undefined;
    }
    return { node: place.directory, place };
  }

  private makeIn({ directory }: Place, name: string): ImageDirectory | undefined {
    // A link's target may be anything; a folder of this name would take something away for whoever reads the image.
    if (name.startsWith(whiteoutPrefix)) return undefined;
    this.countNode();
    const made = newDirectory();
    directory.children.set(name, made);
    return made;
  }

  private countSteps(steps: number): void {
    this.stepsLeft -= steps;
    if (this.stepsLeft < 0) throw new ImageError("the image's names and links take too long to follow");
  }

  private countNode(): void {
    this.nodesLeft -= 1;
    if (this.nodesLeft < 0) throw new ImageError("the image has more files and folders than are allowed");
  }
}

function newDirectory(): ImageDirectory {
  return { kind: "directory", children: new Map() };
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

/** An entry's name lies below the image's root, also with a slash in front; no tool that means well writes `..`. */
function splitName(name: string): string[] {
  const parts = partsOf(name);
  if (parts.includes("..")) throw new ImageError(`${quote(name)} in a layer leads out of the image`);
  return parts;
}
