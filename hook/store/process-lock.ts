import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * How the processes on one store know of each other. Each holds an exclusive lock on a file of its own beside the
 * store, under a name that nobody has again; the kernel drops the lock when the process ends, however it ends. So
 * "is it still there?" needs no clock: who can take the lock knows that its holder is gone.
 *
 * SQLite is what Node has for locking files; the files stay empty, so that a full disk does not matter.
 */
export interface ProcessLock {
  /** This process's name on what it claims. */
  holder: string;
  isAlive(holder: string): boolean;
  release(): void;
}

const suffix = "-process-";

export function lockProcess(storePath: string): ProcessLock {
  removeAbandoned(storePath);
  const holder = `${process.pid}-${randomBytes(6).toString("hex")}`;
  const path = lockPath(storePath, holder);
  const lock = open(path);
  lock.exec("BEGIN EXCLUSIVE");
  return {
    holder,
    isAlive: (other) => other === holder || isLocked(lockPath(storePath, other)),
    release() {
      if (!lock.isOpen) return;
      // Before the lock goes: another process may take the name for abandoned as soon as it can.
      rmSync(path, { force: true });
      lock.close();
    },
  };
}

function lockPath(storePath: string, holder: string): string {
  return `${storePath}${suffix}${holder}`;
}

function open(path: string): DatabaseSync {
  return new DatabaseSync(path, { timeout: 0 });
}

function isLocked(path: string): boolean {
  if (!existsSync(path)) return false;
  const lock = open(path);
  try {
    lock.exec("BEGIN EXCLUSIVE");
    rmSync(path, { force: true });
    return false;
  } catch {
    return true;
  } finally {
    lock.close();
  }
}

/** The files of processes that were killed. */
function removeAbandoned(storePath: string): void {
  const prefix = `${basename(storePath)}${suffix}`;
  const directory = dirname(storePath);
  for (const name of readdirSync(directory)) {
    if (name.startsWith(prefix) && !name.endsWith("-journal")) isLocked(join(directory, name));
  }
}
