/** What answers a path: a file with its compressed siblings. */
import { type FileFields, noFields } from "../file-fields.ts";
import { noOutcome, type RedirectOutcome } from "../redirects-file.ts";
import { Representation } from "../representation.ts";

/** Shared: an empty list of its own would be a third of what a file takes in memory. */
export const noVariants: Representation[] = [];

/** A file with its compressed siblings, as it answers one path. */
export class Resource {
  /** Decoded path of the file below the root, for metrics. */
  readonly path: string;
  readonly type: string;
  readonly identity: Representation;
  readonly variants: Representation[];
  checkedMs: number;
  /** The metrics' number for the path, once it was asked for. */
  counter = -1;
  /** The site's, when it was found. */
  rootCount = 0;
  /** The representation chosen last, and for which Accept-Encoding. */
  chosen: Representation;
  chosenFor = "";
  /** The path that is answered: not the file's own for a folder's index and for a page without its extension. */
  key = "";
  /** The fields of its answer that follow from flags and `_headers`. */
  fields: FileFields = noFields;
  /** The same where it is the page for what is not found, if they are the same for all paths. */
  notFoundFields: FileFields | null = null;
  /** What answers the path although the file is there; status 0 for nothing. */
  forced: RedirectOutcome = noOutcome;
  constructor(
    path: string,
    type: string,
    identity: Representation,
    variants: Representation[],
    checkedMs: number,
  ) {
    this.path = path;
    this.type = type;
    this.identity = identity;
    this.chosen = identity;
    this.variants = variants;
    this.checkedMs = checkedMs;
  }

  isSame(other: Resource): boolean {
    if (!this.identity.isSameFile(other.identity) || this.variants.length !== other.variants.length)
      return false;
    for (let i = 0; i < this.variants.length; i++) {
      const mine = this.variants[i];
      const theirs = other.variants[i];
      if (mine === undefined || theirs === undefined || !mine.isSameFile(theirs)) return false;
    }
    return true;
  }
}

/** Stands for nothing found, where null would cost an object natively. */
export const noResource = new Resource("", "", new Representation("", "", "", 0, 0, 0), noVariants, 0);
