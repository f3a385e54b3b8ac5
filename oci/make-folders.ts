import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a folder, and those above it that are missing; `made` gets the path of each. Node's own `recursive` never ends
 * where a system refuses a folder by ENOENT, as below /proc.
 */
export function makeFolders(path: string, made: string[] = []): void {
  if (existsSync(path)) return;
  makeFolders(dirname(path), made);
  mkdirSync(path);
  made.push(path);
}
