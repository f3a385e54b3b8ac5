/** Whether a file of the site is there and may be sent. */
import * as fs from "node:fs";
import { Representation } from "../representation.ts";

/** A regular file inside the root, links followed, or null. */
export function probe(realRoot: string, path: string, coding: string): Representation | null {
  const file = `${realRoot}${path}`;
  try {
    if (!fs.existsSync(file)) return null;
    const real = fs.realpathSync(file);
    if (!real.startsWith(`${realRoot}/`)) return null;
    const stat = fs.statSync(real);
    if (!stat.isFile()) return null;
    fs.accessSync(real, fs.constants.R_OK);
    const isLinked = real !== file;
    return new Representation(
      isLinked ? "" : realRoot,
      isLinked ? real : path,
      coding,
      stat.size,
      stat.mtimeMs,
      stat.ino,
    );
  } catch {
    return null;
  }
}
