import { accessSync, constants, existsSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { backUpFile, backupPath } from "./backup.ts";
import { findDamage, isDamage } from "./damage.ts";
import { type Migration, migrate, NewerStoreError, readVersion, schemaVersion } from "./schema.ts";

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
    refuseDamage(database, path);
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

/** The schema's version, 0 of an empty file, or why a start would not open it, in its words; changes nothing. */
export function readStoreVersion(path: string): number {
  let database: DatabaseSync | undefined;
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    database = new DatabaseSync(unchangedUrl(path), { readOnly: true, timeout: 1000 });
    refuseDamage(database, path);
    return readVersion(database);
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError(explainOpening(path, error as Error));
  } finally {
    database?.close();
  }
}

/** Even a reader makes files beside a store in WAL mode, unless it is told that nobody is at work on it. */
function unchangedUrl(path: string): URL {
  const url = pathToFileURL(path);
  if (!existsSync(`${path}-wal`)) url.searchParams.set("immutable", "1");
  return url;
}

function refuseDamage(database: DatabaseSync, path: string): void {
  const damage = findDamage(database, path);
  if (damage !== undefined) throw new StoreError(explainDamage(path, damage));
}

function explainOpening(path: string, error: Error): string {
  const { message } = error;
  if (error instanceof NewerStoreError) return `${path} ${message}: ${adviseOlder(path)}`;
  if (isDamage(error)) return explainDamage(path, message);
  if (/locked|busy/i.test(message))
    return `${path} is kept locked by another program: stop that one first (an older hook lets nobody else in)`;
  if (isFolder(path)) return `${path} is a folder: name a file under \`store\``;
  if (/readonly|EACCES|EROFS/i.test(message))
    return `${path} cannot be written: check the owner and mode of it and its directory`;
  if (/not a database/i.test(message))
    return `${path} is not an SQLite file: name another one under \`store\``;
  if (/unable to open/i.test(message))
    return `${path} cannot be opened: does its directory exist, may it be written?`;
  if (/is full|disk I\/O/i.test(message))
    return `${path} cannot be written (${message}): is there space on its disk?`;
  return `${path}: ${message}`;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
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
