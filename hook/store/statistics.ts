import type { State, WaitingFor } from "./deployment.ts";
import type { Statements } from "./statements.ts";

/** How a deployment ended that was tried; the other ends say nothing about the service. */
export type TriedState = Extract<State, "succeeded" | "failed" | "rolled-back">;

/** What metrics and notifications ask of the store; each answer comes from an index. */
export interface Statistics {
  /** How the last deployment of the service ended that was tried, other than the given one. */
  previousOutcome(service: string, deployment: number): TriedState | undefined;
  /** When a service's newest failed or rolled back deployment ended. */
  lastFailureMs(service: string): number | undefined;
  countWaiting(): WaitingCount[];
  /** What ended since a time and was tried, of one service or of several; all, where none is named. */
  endedSince(fromMs: number, services: readonly string[] | undefined): Ended[];
  countPendingNotifications(): PendingCount[];
}

export interface Ended {
  state: TriedState;
  pushedAtMs: number | null;
  finishedAtMs: number;
}

export interface WaitingCount {
  service: string;
  waitingFor: WaitingFor;
  count: number;
  oldestMs: number;
}

export interface PendingCount {
  notifier: string;
  count: number;
  oldestMs: number;
}

/** The condition is that of the index `deployment_tried`, in its words: SQLite does not see through others. */
const selectPreviousOutcome = `SELECT state FROM deployment
  WHERE service = :service AND state IN ('succeeded', 'failed', 'rolled-back') AND id <> :deployment
  ORDER BY ended_order DESC LIMIT 1`;

const selectLastFailure = `SELECT max(atMs) AS atMs FROM (
  SELECT * FROM (SELECT finished_at AS atMs FROM deployment WHERE service = :service AND state = 'failed'
    ORDER BY id DESC LIMIT 1)
  UNION ALL
  SELECT * FROM (SELECT finished_at AS atMs FROM deployment WHERE service = :service AND state = 'rolled-back'
    ORDER BY id DESC LIMIT 1))`;

/** An answer about the last weeks, not an account of all there was: the newest of more than these. */
const maximumEnded = 50_000;

function selectEnded(services: readonly string[] | undefined): string {
  const only = services === undefined ? "" : "AND service IN (SELECT value FROM json_each(:services))";
  return `SELECT state, pushed_at AS pushedAtMs, finished_at AS finishedAtMs FROM deployment
    WHERE finished_at IS NOT NULL AND finished_at >= :fromMs AND +state IN ('succeeded', 'failed', 'rolled-back')
    ${only} ORDER BY finished_at DESC LIMIT ${maximumEnded}`;
}

export function readStatistics({ one, many }: Statements): Statistics {
  return {
    previousOutcome: (service, deployment) =>
      one<{ state: TriedState }>(selectPreviousOutcome, { service, deployment })?.state,
    lastFailureMs: (service) =>
      one<{ atMs: number | null }>(selectLastFailure, { service })?.atMs ?? undefined,
    endedSince: (fromMs, services) =>
      many<Ended>(selectEnded(services), {
        fromMs,
        ...(services !== undefined && { services: JSON.stringify(services) }),
      }),
    countWaiting: () =>
      many<WaitingCount>(
        `SELECT service, coalesce(waiting_for, 'turn') AS waitingFor, count(*) AS count, min(accepted_at) AS oldestMs
         FROM deployment WHERE state = 'waiting' GROUP BY 1, 2`,
      ),
    countPendingNotifications: () =>
      many<PendingCount>(
        `SELECT notifier, count(*) AS count, min(created_at) AS oldestMs FROM outbox
         WHERE state = 'pending' GROUP BY notifier`,
      ),
  };
}
