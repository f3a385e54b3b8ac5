import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { Deployment } from "./deployment.ts";

export type Parameters = Readonly<Record<string, SQLInputValue>>;

/** Runs SQL; each text is prepared once. */
export interface Statements {
  one<Row>(sql: string, parameters?: Parameters): Row | undefined;
  many<Row>(sql: string, parameters?: Parameters): Row[];
  /** Returns how many rows were changed. */
  run(sql: string, parameters?: Parameters): number;
}

export function createStatements(database: DatabaseSync): Statements {
  const prepared = new Map<string, StatementSync>();
  const statement = (sql: string) => {
    const found = prepared.get(sql) ?? database.prepare(sql);
    prepared.set(sql, found);
    return found;
  };
  return {
    one: <Row>(sql: string, parameters: Parameters = {}) => statement(sql).get(parameters) as Row | undefined,
    many: <Row>(sql: string, parameters: Parameters = {}) =>
      statement(sql).all(parameters) as unknown[] as Row[],
    run: (sql, parameters = {}) => Number(statement(sql).run(parameters).changes),
  };
}

/** A deployment as the rest of the hook knows it: every key of the interface, and nothing else. */
const deploymentColumns: Readonly<Record<keyof Deployment, string>> = {
  id: "id",
  service: "service",
  image: "image",
  tag: "tag",
  digest: "digest",
  source: "source",
  target: "target",
  cause: "cause",
  actor: "actor",
  pusher: "pusher",
  deliveryId: "delivery_id",
  state: "state",
  reason: "reason",
  waitingFor: "waiting_for",
  notBeforeMs: "not_before",
  approvedBy: "approved_by",
  attempt: "attempt",
  retries: "retries",
  note: "note",
  leftEngine: "left_engine",
  interruptedIn: "interrupted_in",
  pushedAtMs: "pushed_at",
  acceptedAtMs: "accepted_at",
  firstStartedAtMs: "first_started_at",
  startedAtMs: "started_at",
  verifyingAtMs: "verifying_at",
  finishedAtMs: "finished_at",
  replaces: "replaces",
  restores: "restores",
  rolledBackTo: "rolled_back_to",
};

export const columns = Object.entries(deploymentColumns)
  .map(([key, column]) => (key === column ? column : `${column} AS ${key}`))
  .join(", ");

/** The states as SQL lists. */
export const active = "('deploying', 'verifying', 'rolling-back')";
export const ended = "('succeeded', 'failed', 'rolled-back', 'superseded', 'cancelled')";
