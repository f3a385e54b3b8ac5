import type { z } from "zod";
import type { AuditEntry, Deployment, LogLine, Transition } from "../../store/deployment.ts";
import type { auditEntrySchema, deploymentSchema, logLineSchema, transitionSchema } from "./schemas.ts";

/** What the store has, as the API shows it: times in words, and nothing that its schema does not name. */
export function presentDeployment(deployment: Deployment): z.output<typeof deploymentSchema> {
  const { pushedAtMs, acceptedAtMs, notBeforeMs, verifyingAtMs, finishedAtMs, ...more } = deployment;
  const { firstStartedAtMs, startedAtMs, ...rest } = more;
  return {
    ...rest,
    pushedAt: isoTimeOrNull(pushedAtMs),
    acceptedAt: isoTime(acceptedAtMs),
    notBefore: isoTimeOrNull(notBeforeMs),
    firstStartedAt: isoTimeOrNull(firstStartedAtMs),
    startedAt: isoTimeOrNull(startedAtMs),
    verifyingAt: isoTimeOrNull(verifyingAtMs),
    finishedAt: isoTimeOrNull(finishedAtMs),
  };
}

export function presentTransition(
  { atMs, ...transition }: Transition,
  tag: string,
): z.output<typeof transitionSchema> {
  return { ...transition, tag, at: isoTime(atMs) };
}

export function presentLogLine({ sequence, atMs, line }: LogLine): z.output<typeof logLineSchema> {
  return { sequence, at: isoTime(atMs), line };
}

export function presentAuditEntry({ atMs, ...entry }: AuditEntry): z.output<typeof auditEntrySchema> {
  return { ...entry, at: isoTime(atMs) };
}

export function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

export function isoTimeOrNull(timeMs: number | null): string | null {
  return timeMs === null ? null : isoTime(timeMs);
}
