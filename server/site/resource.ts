/** What answers a path: a file with its compressed siblings. */
import { type FileFields, noFields } from "../file-fields.ts";
import { noOutcome, type RedirectOutcome } from "../redirects-file.ts";
import { Representation } from "../representation.ts";

/** Compressed siblings of a file, and which of all was chosen last. */
export class Variants {
  readonly representations: Representation[] = [];
  /** The choice made last, and for which Accept-Encoding. */
  chosen: Representation;
  chosenFor = "";
  constructor(identity: Representation) {
    this.chosen = identity;
  }

  /** Whether `other` was made from the same states of the same files. */
  areSame(other: Variants): boolean {
    const mine = this.representations;
    const theirs = other.representations;
    if (mine.length !== theirs.length) return false;
    for (let i = 0; i < mine.length; i++) {
      const left = mine[i];
      const right = theirs[i];
      if (left === undefined || right === undefined || !left.isSameFile(right)) return false;
    }
    return true;
  }
}

const noFile = new Representation("", "", "", 0, 0, 0);

/** Shared: most files have none, and objects of their own would be a third of what a file takes in memory. */
export const noVariants = new Variants(noFile);

/** A file with its compressed siblings, as it answers one path. */
export class Resource {
  /** Decoded path of the file below the root, for metrics. */
  readonly path: string;
  readonly identity: Representation;
  readonly variants: Variants;
  checkedMs: number;
  /** The metrics' number for the path, once it was asked for. */
  counter = -1;
  /** The site's, when it was found. */
  rootCount = 0;
  /** The path that is answered: not the file's own for a folder's index and for a page without its extension. */
  key = "";
  /** The fields of its answer that follow from flags and `_headers`. */
  fields: FileFields = noFields;
  /** The same where it is the page for what is not found, if they are the same for all paths; else `noFields`. */
  notFoundFields: FileFields = noFields;
  /** What answers the path although the file is there; status 0 for nothing. */
  forced: RedirectOutcome = noOutcome;
  constructor(path: string, identity: Representation, variants: Variants, checkedMs: number) {
    this.path = path;
    this.identity = identity;
    this.variants = variants;
    this.checkedMs = checkedMs;
  }

  isSame(other: Resource): boolean {
    return this.identity.isSameFile(other.identity) && this.variants.areSame(other.variants);
  }
}

/** Stands for nothing found, where null would cost an object natively. */
export const noResource = new Resource("", noFile, noVariants, 0);
