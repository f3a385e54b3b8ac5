import type { Deployment, NewNotification, Notification, NotificationResult } from "./deployment.ts";
import type { Statements } from "./statements.ts";

const columns = `id, deployment, service, notifier, event, payload, created_at AS createdAtMs, attempt, state, problem`;

export function enqueue(
  { run }: Statements,
  { id, service }: Deployment,
  { notifier, event, payload }: NewNotification,
): void {
  run(
    `INSERT INTO outbox (deployment, service, notifier, event, payload, created_at, due_at)
     VALUES (:id, :service, :notifier, :event, :payload, :nowMs, :nowMs)`,
    { id, service, notifier, event, payload, nowMs: Date.now() },
  );
}

/** No pause before another try is longer: what is due later than that was dated by a clock that was set back. */
export const maximumNotificationDelayMs = 24 * 60 * 60 * 1000;

/**
 * What may be sent now. Of one service a notifier is told in order, so that the end of a failure never comes before
 * the failure: a notification waits for those before it.
 */
const dueNow = `state = 'pending' AND holder IS NULL AND (due_at <= :nowMs OR due_at > :latestMs)
  AND NOT EXISTS (SELECT 1 FROM outbox AS before WHERE before.state = 'pending'
    AND before.notifier = next.notifier AND before.service = next.service AND before.id < next.id)`;

export function claimDue({ many }: Statements, holder: string, nowMs: number, limit: number): Notification[] {
  return many<Notification>(
    `UPDATE outbox SET holder = :holder, attempt = attempt + 1
     WHERE id IN (SELECT id FROM outbox AS next WHERE ${dueNow} ORDER BY due_at, id LIMIT :limit)
     RETURNING ${columns}`,
    { holder, nowMs, limit, latestMs: nowMs + maximumNotificationDelayMs },
  ).toSorted((a, b) => a.id - b.id);
}

/** Asks nothing of the disk. */
export function hasDue({ one }: Statements, nowMs: number): boolean {
  const latestMs = nowMs + maximumNotificationDelayMs;
  return one(`SELECT 1 FROM outbox AS next WHERE ${dueNow} LIMIT 1`, { nowMs, latestMs }) !== undefined;
}

/** Those who have claimed something that is not finished. */
export function listHolders({ many }: Statements): string[] {
  const sql = "SELECT DISTINCT holder FROM outbox WHERE state = 'pending' AND holder IS NOT NULL";
  return many<{ holder: string }>(sql).map(({ holder }) => holder);
}

/** Lets go of what a process has claimed that is gone: it may or may not have been sent, and is sent again. */
export function release({ run }: Statements, holder: string): void {
  run("UPDATE outbox SET holder = NULL WHERE holder = :holder AND state = 'pending'", { holder });
}

export function finish({ run }: Statements, id: number, result: NotificationResult): void {
  const state = result.kind === "retry" ? "pending" : result.kind;
  const nowMs = Date.now();
  run(
    `UPDATE outbox SET holder = NULL, state = :state, problem = :problem, due_at = coalesce(:dueAtMs, due_at),
       finished_at = CASE WHEN :state = 'pending' THEN NULL ELSE :nowMs END WHERE id = :id`,
    {
      id,
      state,
      nowMs,
      problem: result.kind === "sent" ? null : result.problem,
      dueAtMs: result.kind === "retry" ? result.dueAtMs : null,
    },
  );
}

export function listOf({ many }: Statements, deployment: number): Notification[] {
  return many(`SELECT ${columns} FROM outbox WHERE deployment = :deployment ORDER BY id`, { deployment });
}
