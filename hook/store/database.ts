import { DatabaseSync } from "node:sqlite";
import { migrate } from "./schema.ts";

/** Opening failed for a reason that an operator can mend. */
export class StoreError extends Error {}

/** Opens a store's file, or makes it, and brings it to this program's schema. */
export function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 1000, enableForeignKeyConstraints: true });
    // One process a store: a second one would take what the first is deploying for abandoned.
    database.exec("PRAGMA locking_mode = EXCLUSIVE");
    // In WAL mode only FULL waits for the disk at every commit: what was answered 202 has to survive a power cut.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    migrate(database);
    return database;
  } catch (error) {
    database?.close();
    throw new StoreError(explainOpening(path, error as Error));
  }
}

function explainOpening(path: string, { message }: Error): string {
  if (/locked|busy/i.test(message)) return `${path} is in use by another hook: stop that one first`;
  if (/not a database/i.test(message))
    return `${path} is not an SQLite file: name another one under \`store\``;
  if (/unable to open/i.test(message))
    return `${path} cannot be opened: does its directory exist, may it be written?`;
  return `${path}: ${message}`;
}
