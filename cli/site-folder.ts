import { accessSync, constants, statSync } from "node:fs";
import { UsageError } from "./command.ts";

/** Throws where a folder is not there, or not to be entered. */
export function checkFolder(folder: string): void {
  const named = ["./", "."].includes(folder) ? "the current folder" : `'${folder}'`;
  try {
    if (!statSync(folder).isDirectory())
      throw new UsageError(`${named} is a file; name the folder that it is in`);
    accessSync(folder, constants.R_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${named} can't be read: it is missing, or this user may not enter it`);
  }
}
