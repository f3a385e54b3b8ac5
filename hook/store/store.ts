import type { DatabaseSync, StatementSync } from "node:sqlite";
import { openDatabase } from "./database.ts";
import type { Deployment, LogLine, NewDeployment, State } from "./deployment.ts";

export interface Page {
  service?: string | undefined;
  /** Only deployments with a smaller id: the last one of the page before. */
  before?: number | undefined;
  limit: number;
}

/** The hook's memory: one SQLite file. What `accept` has returned is on the disk. */
export interface Store {
  accept(deployments: readonly NewDeployment[]): Deployment[];
  /** Marks the oldest waiting deployment whose service is not among the busy ones as deploying. */
  claimNext(busyServices: readonly string[], nowMs: number): Deployment | undefined;
  finish(id: number, state: "succeeded" | "failed", reason: string, nowMs: number): void;
  /** Puts a deployment back in the queue, at its old place. */
  handOver(id: number, reason: string): void;
  /** What an earlier process was deploying when it died, oldest first. */
  listDeploying(): Deployment[];
  find(id: number): Deployment | undefined;
  list(page: Page): Deployment[];
  countByState(): { service: string; state: State; count: number }[];
  appendLog(id: number, lines: readonly LogLine[]): void;
  readLog(id: number): LogLine[];
  /** May be called again. */
  close(): void;
}

export function openStore(path: string): Store {
  return createStore(openDatabase(path));
}

const columns = `id, service, image, tag, digest, source, target, state, reason, attempt,
  pushed_at AS pushedAtMs, accepted_at AS acceptedAtMs, started_at AS startedAtMs, finished_at AS finishedAtMs`;

const insertDeployment = `INSERT INTO deployment
  (service, image, tag, digest, source, target, state, pushed_at, accepted_at)
  VALUES (:service, :image, :tag, :digest, :source, :target, 'waiting', :pushedAtMs, :acceptedAtMs) RETURNING ${columns}`;

const claimDeployment = `UPDATE deployment
  SET state = 'deploying', reason = NULL, attempt = attempt + 1, started_at = :nowMs
  WHERE id = (SELECT id FROM deployment WHERE state = 'waiting'
    AND service NOT IN (SELECT value FROM json_each(:busy)) ORDER BY id LIMIT 1) RETURNING ${columns}`;

const selectPage = `SELECT ${columns} FROM deployment
  WHERE id < :before AND (:service IS NULL OR service = :service) ORDER BY id DESC LIMIT :limit`;

const insertLine = `INSERT INTO log_line (deployment, sequence, at, line) VALUES
  (:id, (SELECT coalesce(max(sequence), 0) + 1 FROM log_line WHERE deployment = :id), :atMs, :line)`;

function createStore(database: DatabaseSync): Store {
  const prepared = new Map<string, StatementSync>();
  const statement = (sql: string) => {
    const found = prepared.get(sql) ?? database.prepare(sql);
    prepared.set(sql, found);
    return found;
  };
  const one = (sql: string, parameters = {}) => statement(sql).get(parameters) as Deployment | undefined;
  const many = (sql: string, parameters = {}) => statement(sql).all(parameters) as unknown[] as Deployment[];
  const transaction = <Result>(work: () => Result) => inTransaction(database, work);

  return {
    accept: (deployments) =>
      transaction(() => deployments.flatMap((given) => many(insertDeployment, { ...given }))),
    claimNext: (busy, nowMs) => one(claimDeployment, { busy: JSON.stringify(busy), nowMs }),
    finish(id, state, reason, nowMs) {
      const sql =
        "UPDATE deployment SET state = :state, reason = :reason, finished_at = :nowMs WHERE id = :id";
      statement(sql).run({ id, state, reason, nowMs });
    },
    handOver(id, reason) {
      const sql = "UPDATE deployment SET state = 'waiting', reason = :reason WHERE id = :id";
      statement(sql).run({ id, reason });
    },
    listDeploying: () => many(`SELECT ${columns} FROM deployment WHERE state = 'deploying' ORDER BY id`),
    find: (id) => one(`SELECT ${columns} FROM deployment WHERE id = :id`, { id }),
    list: ({ service, before, limit }) =>
      many(selectPage, { service: service ?? null, before: before ?? Number.MAX_SAFE_INTEGER, limit }),
    countByState: () =>
      statement(
        `SELECT service, state, count(*) AS count FROM deployment
         WHERE state IN ('waiting', 'deploying') GROUP BY service, state`,
      ).all() as { service: string; state: State; count: number }[],
    appendLog: (id, lines) =>
      transaction(() => {
        for (const { atMs, line } of lines) statement(insertLine).run({ id, atMs, line });
      }),
    readLog: (id) =>
      statement("SELECT at AS atMs, line FROM log_line WHERE deployment = :id ORDER BY sequence").all({
        id,
      }) as unknown[] as LogLine[],
    close() {
      if (database.isOpen) database.close();
    },
  };
}

function inTransaction<Result>(database: DatabaseSync, work: () => Result): Result {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    // A failed COMMIT may have rolled back by itself already.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
