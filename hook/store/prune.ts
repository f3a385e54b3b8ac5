import { ended, type Statements } from "./statements.ts";

/** Each takes its log and its steps with it: few at a time, so that no webhook waits long. */
const atOnce = 50;
/** Of every service, however old: what can be gone back to. */
const keptReleases = 20;
const dayMs = 24 * 60 * 60 * 1000;

/** The first that is too new to be removed. Dates in the future, of a clock that was wrong, do not count. */
const selectFirstKept = `SELECT id FROM deployment WHERE accepted_at >= :beforeMs AND accepted_at <= :latestMs
  ORDER BY id LIMIT 1`;

/** The plus keeps SQLite from collecting and sorting all that has ended. */
export const deleteOld = `DELETE FROM deployment WHERE id IN (
  SELECT id FROM deployment AS old WHERE id < :firstKept AND +state IN ${ended}
    AND (state <> 'succeeded' OR ended_order < (
      SELECT ended_order FROM deployment WHERE service = old.service AND state = 'succeeded'
      ORDER BY ended_order DESC LIMIT 1 OFFSET ${keptReleases - 1}))
  ORDER BY id LIMIT ${atOnce})`;

/** By ids, which ascend with the time: there is no index to keep for it. */
export function prune({ one, run }: Statements, beforeMs: number, nowMs: number): number {
  const kept = one<{ id: number }>(selectFirstKept, { beforeMs, latestMs: nowMs + dayMs });
  if (kept === undefined) return 0;
  run(
    `DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < :beforeMs ORDER BY id LIMIT ${atOnce})`,
    {
      beforeMs,
    },
  );
  return run(deleteOld, { firstKept: kept.id });
}
