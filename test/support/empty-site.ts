/** A folder to serve that a test fills itself. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface EmptySite {
  readonly root: string;
  removeFile(name: string): void;
  remove(): void;
}

export function makeEmptySite(): EmptySite {
  const root = mkdtempSync(join(tmpdir(), "statigo-site-"));
  return {
    root,
    removeFile: (name) => rmSync(join(root, name), { force: true }),
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
