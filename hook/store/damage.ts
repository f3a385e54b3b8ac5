import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";

/** https://www.sqlite.org/rescode.html: SQLITE_CORRUPT. */
const corrupt = 11;

/** The file is an SQLite file, and not as SQLite has written it. */
export function isDamage(error: unknown): boolean {
  return (((error as { errcode?: number }).errcode ?? 0) & 0xff) === corrupt;
}

/** A store with 100,000 deployments has 76 MB, and looking through all of it takes 0.3 s. */
const wholeUpToBytes = 128 * 1024 * 1024;

/** Of a larger one only what decides what is deployed; its log lines and steps are most of it. */
const decisive = ["deployment", "service_state", "outbox"];

/** What is wrong with a store, in SQLite's words; `undefined` when nothing is. */
export function findDamage(database: DatabaseSync, path: string): string | undefined {
  const tables = database
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .all()
    .map(({ name }) => String(name));
  if (statSync(path).size <= wholeUpToBytes) return check(database, "quick_check(1)");
  for (const table of decisive.filter((name) => tables.includes(name))) {
    const found = check(database, `quick_check(${table})`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function check(database: DatabaseSync, pragma: string): string | undefined {
  const found = String(Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0] ?? "ok");
  return found === "ok" ? undefined : found.replace(/\s+/g, " ");
}
