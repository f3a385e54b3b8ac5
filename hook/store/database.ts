import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { backUpFile, backupPath } from "./backup.ts";
import { findDamage, isDamage } from "./damage.ts";
import { type Migration, migrate, NewerStoreError, schemaVersion } from "./schema.ts";

/** Opening failed for a reason that an operator can mend. */
export class StoreError extends Error {}

/** For how long a write waits inside SQLite, and with it the whole process, for another process's commit. */
const busyTimeoutMs = 50;

/**
 * A commit that moves the log into the store waits twice for the disk. A webhook writes about a dozen pages, most of
 * them the same ones as the webhook before: four times SQLite's own limit makes it a quarter as often, for 16 MB.
 */
const checkpointPages = 4000;

export interface OpenedDatabase {
  database: DatabaseSync;
  /** What was done to bring it to this program's schema. */
  migration: Migration | undefined;
}

/** Opens a store's file, or makes it, and brings it to this program's schema. Nothing is changed in one that is damaged. */
export function openDatabase(path: string, timeoutMs = 5000): OpenedDatabase {
  let database: DatabaseSync | undefined;
  try {
    // Another process may be bringing the store to its schema just now.
    database = new DatabaseSync(path, { timeout: timeoutMs, enableForeignKeyConstraints: true });
    const damage = findDamage(database, path);
    if (damage !== undefined) throw new StoreError(explainDamage(path, damage));
    // In WAL mode only FULL waits for the disk at every commit: what was answered 202 has to survive a power cut.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    database.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
    const migration = migrate(database, (version) => backUpFile(path, version));
    // A file that can only be read is found out now, and not by the first webhook.
    database.exec("BEGIN IMMEDIATE; ROLLBACK");
    database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    return { database, migration };
  } catch (error) {
    database?.close();
    throw error instanceof StoreError ? error : new StoreError(explainOpening(path, error as Error));
  }
}

function explainOpening(path: string, error: Error): string {
  const { message } = error;
  if (error instanceof NewerStoreError) return `${path} ${message}: ${adviseOlder(path)}`;
  if (isDamage(error)) return explainDamage(path, message);
  if (/locked|busy/i.test(message))
    return `${path} is kept locked by another program: stop that one first (an older hook lets nobody else in)`;
  if (/readonly/i.test(message))
    return `${path} cannot be written: check the owner and mode of it and its directory`;
  if (/not a database/i.test(message))
    return `${path} is not an SQLite file: name another one under \`store\``;
  if (/unable to open/i.test(message))
    return `${path} cannot be opened: does its directory exist, may it be written?`;
  if (/is full|disk I\/O/i.test(message))
    return `${path} cannot be written (${message}): is there space on its disk?`;
  return `${path}: ${message}`;
}

function adviseOlder(path: string): string {
  const backup = backupPath(path, schemaVersion);
  const older = `, or put ${backup} in its place, which ends where the newer one began`;
  return `use the newer program${existsSync(backup) ? older : ""}`;
}

/** The same wherever it is found: nothing here can mend it, and going on would make it worse. */
export function explainDamage(path: string, found: string): string {
  return `${path} is damaged (${found}): stop every hook on it and keep a copy; then put a backup in its place, or take over what can be read with \`sqlite3 ${path} .recover | sqlite3 new.db\` (docs/runbook.md)`;
}
