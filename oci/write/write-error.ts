import { dirname } from "node:path";
import { ImageError } from "../image-error.ts";

const reasons: Readonly<Record<string, (path: string) => string>> = {
  ENOSPC: () => "the disk is full: make room, or name a place on another one",
  EDQUOT: () => "this user's share of the disk is full: make room, or name a place on another one",
  EFBIG: () => "it is larger than a file may be there",
  EROFS: () => "nothing can be written there: name another place",
  EACCES: () => "this user may not write there: name another place",
  EPERM: () => "this user may not write there: name another place",
  ENOTDIR: (path) => `${dirname(path)} is no folder: name another place`,
  ENOENT: (path) => `there is no folder ${dirname(path)}, or none can be made: name another place`,
};

/** What the system said about a file or folder, in words that name it; whatever is no refusal of it stays as it is. */
export function explainWriteError(error: unknown, path: string): unknown {
  const reason = reasons[(error as NodeJS.ErrnoException).code ?? ""];
  return reason === undefined ? error : new ImageError(`${path} cannot be written: ${reason(path)}`);
}
