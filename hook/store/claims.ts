import { selectLastSucceeded } from "./acceptance.ts";
import type { Changes } from "./changes.ts";
import type { ActiveState, Deployment } from "./deployment.ts";
import { active, columns, type Statements } from "./statements.ts";

/** What may not be started now, by what only the config knows. */
export interface ClaimRules {
  /** Services outside their time window: their webhooks wait. */
  outsideWindow: readonly string[];
  nowMs: number;
}

/** No pause before another try is longer: what may not start before that was dated by a clock that was set back. */
export const maximumRetryDelayMs = 60 * 60 * 1000;

/** A pause holds everything, a freeze everything but the way back; people are not held by approval or window. */
const selectNext = `SELECT ${columns} FROM deployment AS next
  LEFT JOIN (SELECT service AS stated, paused_at, frozen_until FROM service_state) ON stated = next.service
  WHERE state = 'waiting'
    AND paused_at IS NULL
    AND (cause = 'rollback' OR frozen_until IS NULL OR frozen_until <= :nowMs)
    AND (waiting_for IS NULL OR waiting_for <> 'approval')
    AND (not_before IS NULL OR not_before <= :nowMs OR not_before > :latestMs)
    AND (cause <> 'webhook' OR approved_by IS NOT NULL OR service NOT IN (SELECT value FROM json_each(:outsideWindow)))
    AND NOT EXISTS (SELECT 1 FROM deployment WHERE service = next.service AND state IN ${active})
  ORDER BY id LIMIT 1`;

export function findNext({ one }: Statements, { outsideWindow, nowMs }: ClaimRules): Deployment | undefined {
  const latestMs = nowMs + maximumRetryDelayMs;
  return one(selectNext, { nowMs, latestMs, outsideWindow: JSON.stringify(outsideWindow) });
}

/** Marks the oldest deployment that may start as this process's own. */
export function claimNext(
  statements: Statements,
  changes: Changes,
  holder: string,
  rules: ClaimRules,
): Deployment | undefined {
  const next = findNext(statements, rules);
  if (next === undefined) return undefined;
  const { id, service, interruptedIn } = next;
  const last = statements.one<Deployment>(selectLastSucceeded, { service });
  const reason = interruptedIn === null ? null : `taken up where it was interrupted: ${interruptedIn}`;
  changes.change(id, interruptedIn ?? "deploying", { reason, actor: "hook" });
  return statements.one<Deployment>(
    `UPDATE deployment SET holder = :holder, attempt = attempt + 1, interrupted_in = :interruptedIn,
       started_at = :nowMs, first_started_at = coalesce(first_started_at, :nowMs), replaces = :replaces WHERE id = :id RETURNING ${columns}`,
    { id, holder, interruptedIn, nowMs: rules.nowMs, replaces: last?.id ?? null },
  );
}

/** Puts a deployment back in the queue, at its old place; a cancellation that came meanwhile is carried out. */
export function handOver(
  { one, run }: Statements,
  changes: Changes,
  { id, interruptedIn, holder }: { id: number; interruptedIn: ActiveState; holder: string | null },
  reason: string,
): Deployment | undefined {
  const held = one<{ by: string | null }>(selectHeldBy, { id, holder });
  if (held === undefined) return undefined;
  if (held.by !== null)
    return changes.change(id, "cancelled", { reason: `cancelled by ${held.by}`, actor: held.by });
  const waiting = changes.change(id, "waiting", { reason, actor: "hook" });
  run("UPDATE deployment SET interrupted_in = :interruptedIn WHERE id = :id", { id, interruptedIn });
  return { ...waiting, interruptedIn };
}

const selectHeldBy = `SELECT cancel_by AS by FROM deployment
  WHERE id = :id AND holder IS :holder AND state IN ${active}`;

export interface Held extends Pick<Deployment, "id" | "service" | "tag" | "attempt" | "retries"> {
  state: ActiveState;
  holder: string | null;
  /** Who wants it cancelled. */
  cancelBy: string | null;
}

/** Everything that a process is, or was, at work on. */
export function listHeld({ many }: Statements): Held[] {
  return many(
    `SELECT id, service, tag, attempt, retries, state, holder, cancel_by AS cancelBy FROM deployment
     WHERE state IN ${active} ORDER BY id`,
  );
}
