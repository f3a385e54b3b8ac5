import { closeSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Where a store is kept as it was before it was brought on from a schema version. */
export function backupPath(path: string, version: number): string {
  return `${path}.v${version}.backup`;
}

/**
 * Copies a store as it is, and waits until the copy is on the disk. By a connection of its own, so that another one may
 * keep writers away meanwhile. Returns where the copy is; one that was there is replaced.
 */
export function backUpFile(path: string, version: number): string {
  const target = backupPath(path, version);
  // Two processes may do this at the same time, and one that was killed has left its own.
  const partial = `${target}-${process.pid}`;
  rmSync(partial, { force: true });
  try {
    copyWhole(path, partial);
    sync(partial);
    renameSync(partial, target);
    sync(dirname(target));
    return target;
  } catch (error) {
    rmSync(partial, { force: true });
    throw new Error(
      `its backup ${target} could not be made (${(error as Error).message}): nothing was changed`,
    );
  }
}

function copyWhole(path: string, target: string): void {
  const source = new DatabaseSync(path);
  try {
    source.prepare("VACUUM INTO ?").run(target);
  } finally {
    source.close();
  }
}

/** SQLite does not wait for the disk with what it vacuums into. */
function sync(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
