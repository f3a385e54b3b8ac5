import type { DatabaseSync } from "node:sqlite";

/** Each entry takes the store one version further; an entry that was released is never changed. */
const migrations: readonly string[] = [
  `CREATE TABLE deployment (
     id          INTEGER PRIMARY KEY AUTOINCREMENT,
     service     TEXT NOT NULL,
     image       TEXT NOT NULL,
     tag         TEXT NOT NULL,
     digest      TEXT,
     source      TEXT NOT NULL,
     target      TEXT NOT NULL,
     state       TEXT NOT NULL,
     reason      TEXT,
     attempt     INTEGER NOT NULL DEFAULT 0,
     pushed_at   INTEGER,
     accepted_at INTEGER NOT NULL,
     started_at  INTEGER,
     finished_at INTEGER
   ) STRICT;
   CREATE INDEX deployment_by_service ON deployment (service, id);
   CREATE INDEX deployment_waiting ON deployment (id, service) WHERE state = 'waiting';
   CREATE INDEX deployment_open ON deployment (state, service) WHERE state IN ('waiting', 'deploying');
   CREATE TABLE log_line (
     deployment INTEGER NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
     sequence   INTEGER NOT NULL,
     at         INTEGER NOT NULL,
     line       TEXT NOT NULL,
     PRIMARY KEY (deployment, sequence)
   ) STRICT, WITHOUT ROWID;`,
];

export const schemaVersion = migrations.length;

/** Brings a store to this program's schema. Throws when the store is from a newer program. */
export function migrate(database: DatabaseSync): void {
  const found = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
  if (found > schemaVersion) {
    throw new Error(
      `it has schema version ${found}, this program knows ${schemaVersion}: use the newer program`,
    );
  }
  for (const [index, statements] of migrations.entries()) {
    if (index < found) continue;
    database.exec(`BEGIN; ${statements} PRAGMA user_version = ${index + 1}; COMMIT;`);
  }
}
