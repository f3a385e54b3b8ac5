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

  // ended_order is the id of the last transition: "the last that succeeded" is not a question for a clock.
  `ALTER TABLE deployment ADD COLUMN cause TEXT NOT NULL DEFAULT 'webhook';
   ALTER TABLE deployment ADD COLUMN actor TEXT NOT NULL DEFAULT 'webhook';
   ALTER TABLE deployment ADD COLUMN pusher TEXT;
   ALTER TABLE deployment ADD COLUMN delivery_id TEXT;
   ALTER TABLE deployment ADD COLUMN waiting_for TEXT;
   ALTER TABLE deployment ADD COLUMN not_before INTEGER;
   ALTER TABLE deployment ADD COLUMN approved_by TEXT;
   ALTER TABLE deployment ADD COLUMN interrupted_in TEXT;
   ALTER TABLE deployment ADD COLUMN retries INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE deployment ADD COLUMN note TEXT;
   ALTER TABLE deployment ADD COLUMN first_started_at INTEGER;
   ALTER TABLE deployment ADD COLUMN verifying_at INTEGER;
   ALTER TABLE deployment ADD COLUMN replaces INTEGER;
   ALTER TABLE deployment ADD COLUMN restores INTEGER;
   ALTER TABLE deployment ADD COLUMN rolled_back_to TEXT;
   ALTER TABLE deployment ADD COLUMN holder TEXT;
   ALTER TABLE deployment ADD COLUMN cancel_by TEXT;
   ALTER TABLE deployment ADD COLUMN ended_order INTEGER;
   UPDATE deployment SET waiting_for = 'turn' WHERE state = 'waiting';
   UPDATE deployment SET first_started_at = started_at;

   CREATE TABLE transition (
     id         INTEGER PRIMARY KEY AUTOINCREMENT,
     deployment INTEGER NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
     service    TEXT NOT NULL,
     at         INTEGER NOT NULL,
     state      TEXT NOT NULL,
     reason     TEXT,
     actor      TEXT NOT NULL
   ) STRICT;
   INSERT INTO transition (deployment, service, at, state, reason, actor)
     SELECT id, service, accepted_at, 'accepted', NULL, 'webhook' FROM deployment ORDER BY id;
   INSERT INTO transition (deployment, service, at, state, reason, actor)
     SELECT id, service, coalesce(finished_at, started_at, accepted_at), state, reason, 'hook'
     FROM deployment ORDER BY id;
   CREATE INDEX transition_by_deployment ON transition (deployment, id);
   UPDATE deployment SET ended_order = (SELECT max(id) FROM transition WHERE deployment = deployment.id)
     WHERE state IN ('succeeded', 'failed');

   DROP INDEX IF EXISTS deployment_waiting;
   DROP INDEX IF EXISTS deployment_open;
   CREATE INDEX deployment_by_state ON deployment (state, id);
   CREATE INDEX deployment_by_service_and_state ON deployment (service, state, id);
   CREATE INDEX deployment_by_tag ON deployment (service, tag, id);
   CREATE INDEX deployment_by_delivery ON deployment (service, delivery_id) WHERE delivery_id IS NOT NULL;
   CREATE INDEX deployment_succeeded ON deployment (service, ended_order) WHERE state = 'succeeded';
   CREATE INDEX deployment_tried ON deployment (service, ended_order)
     WHERE state IN ('succeeded', 'failed', 'rolled-back');

   CREATE TABLE service_state (
     service       TEXT PRIMARY KEY,
     paused_at     INTEGER,
     paused_by     TEXT,
     paused_reason TEXT,
     frozen_until  INTEGER,
     frozen_by     TEXT,
     frozen_reason TEXT
   ) STRICT, WITHOUT ROWID;

   CREATE TABLE audit (
     id         INTEGER PRIMARY KEY AUTOINCREMENT,
     at         INTEGER NOT NULL,
     actor      TEXT NOT NULL,
     action     TEXT NOT NULL,
     service    TEXT,
     deployment INTEGER,
     detail     TEXT
   ) STRICT;
   CREATE INDEX audit_by_service ON audit (service, id);

   CREATE TABLE outbox (
     id          INTEGER PRIMARY KEY AUTOINCREMENT,
     deployment  INTEGER NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
     service     TEXT NOT NULL,
     notifier    TEXT NOT NULL,
     event       TEXT NOT NULL,
     payload     TEXT NOT NULL,
     state       TEXT NOT NULL DEFAULT 'pending',
     attempt     INTEGER NOT NULL DEFAULT 0,
     problem     TEXT,
     created_at  INTEGER NOT NULL,
     due_at      INTEGER NOT NULL,
     finished_at INTEGER,
     holder      TEXT
   ) STRICT;
   CREATE INDEX outbox_pending ON outbox (due_at) WHERE state = 'pending';
   CREATE INDEX outbox_in_order ON outbox (notifier, service, id) WHERE state = 'pending';
   CREATE INDEX outbox_by_deployment ON outbox (deployment);

   CREATE TABLE identity (store TEXT NOT NULL) STRICT;
   INSERT INTO identity VALUES (lower(hex(randomblob(8))));`,

  // Not a column: no other part of the hook needs to see an address that its sender gave.
  `CREATE TABLE callback (
     deployment INTEGER PRIMARY KEY REFERENCES deployment (id) ON DELETE CASCADE,
     url        TEXT NOT NULL
   ) STRICT;`,

  `CREATE TABLE session (
     id_hash     TEXT PRIMARY KEY,
     kind        TEXT NOT NULL,
     name        TEXT NOT NULL,
     fingerprint TEXT NOT NULL,
     expires_at  INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX deployment_by_end ON deployment (finished_at) WHERE finished_at IS NOT NULL;`,

  // A try that nobody knows the end of makes what the next one says of the engine uncertain as well.
  "ALTER TABLE deployment ADD COLUMN left_engine TEXT;",
];

export const schemaVersion = migrations.length;

export interface Migration {
  /** 0 is a file that had nothing in it. */
  from: number;
  to: number;
  /** The store as it was; `undefined` where there was nothing. */
  backup: string | undefined;
}

/** What is done under the lock and before anything is changed; answers where the backup is. */
export type BackUp = (version: number) => string;

/**
 * Brings a store to this program's schema, all of it or nothing: what is interrupted is rolled back by SQLite, and done
 * by the next start. Throws when the store is from a newer program.
 */
export function migrate(database: DatabaseSync, backUp: BackUp): Migration | undefined {
  if (readVersion(database) === schemaVersion) return undefined;
  // Two processes may open one store at the same moment: the version is looked at again under the lock.
  database.exec("BEGIN IMMEDIATE");
  try {
    const from = readVersion(database);
    const backup = from > 0 && from < schemaVersion ? backUp(from) : undefined;
    for (const statements of migrations.slice(from)) database.exec(statements);
    database.exec(`PRAGMA user_version = ${schemaVersion}; COMMIT`);
    return from === schemaVersion ? undefined : { from, to: schemaVersion, backup };
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** Throws when the store is from a newer program. */
export function readVersion(database: DatabaseSync): number {
  const found = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
  if (found <= schemaVersion) return found;
  throw new NewerStoreError(found);
}

/** The store was written by a program that came after this one. */
export class NewerStoreError extends Error {
  constructor(found: number) {
    super(`has schema version ${found}, this program knows ${schemaVersion}`);
  }
}
