import type { z } from "zod";
import { emptyState, type ServiceState } from "../../store/deployment.ts";
import { isoTimeOrNull } from "./present.ts";
import type { holdSchema } from "./schemas.ts";

type Hold = z.output<typeof holdSchema>;

/** A freeze that is over is not worth a word. */
const notFrozen = { frozenUntilMs: null, frozenBy: null, frozenReason: null };

/** What keeps a service from being deployed at that time. */
export function presentHold({ pausedAtMs, pausedBy, pausedReason, ...freeze }: ServiceState, nowMs: number) {
  const { frozenUntilMs, frozenBy, frozenReason } = (freeze.frozenUntilMs ?? 0) > nowMs ? freeze : notFrozen;
  return {
    state: pausedAtMs !== null ? "paused" : frozenUntilMs !== null ? "frozen" : "active",
    pausedAt: isoTimeOrNull(pausedAtMs),
    pausedBy,
    pausedReason,
    frozenUntil: isoTimeOrNull(frozenUntilMs),
    frozenBy,
    frozenReason,
  } satisfies Omit<Hold, "service" | "at">;
}

/**
 * What has changed in the holds between one look and the next. A comparison of what there is, not a list of what was
 * done: so it sees also what another process did, and a freeze that ends by the clock.
 */
export function watchHolds(list: () => readonly ServiceState[]): (nowMs: number) => Hold[] {
  const nothing = JSON.stringify(presentHold(emptyState(""), 0));
  const told = new Map<string, string>();
  const look = (nowMs: number) =>
    list().flatMap((state): Hold[] => {
      const { service } = state;
      const hold = presentHold(state, nowMs);
      const text = JSON.stringify(hold);
      if ((told.get(service) ?? nothing) === text) return [];
      told.set(service, text);
      return [{ service, at: new Date(nowMs).toISOString(), ...hold }];
    });
  look(Date.now());
  return look;
}
