import { setTimeout as sleep } from "node:timers/promises";
import { ApiError, failureOf } from "./api-error.ts";
import type { DeployContext, EngineState, Outcome } from "./target.ts";

export interface Progress {
  engine: EngineState;
  /** For a reader who asks why it took too long. */
  seen: string;
}

/** What one call of a target works with, besides its engine. */
export interface ApiWork {
  /** Who is asked, and where: `Nomad at http://127.0.0.1:4646`. */
  who: string;
  context: DeployContext;
  progress: Progress;
}

export function startProgress(): Progress {
  return { engine: "unchanged", seen: "" };
}

/** Does the work, and makes an outcome of whatever ended it early. */
export async function attempt(
  { who, context: { signal }, progress }: ApiWork,
  run: () => Promise<Outcome>,
): Promise<Outcome> {
  try {
    return await run();
  } catch (error) {
    if (signal.aborted) {
      const isTaken = progress.engine === "changed";
      const reason = isTaken
        ? `${who} did not come to an end with it in time; last seen: ${progress.seen || "nothing"}`
        : `${who} did not answer in time`;
      return { kind: "failed", reason, isTemporary: !isTaken, engine: progress.engine };
    }
    const hasNoEffect = error instanceof ApiError && error.hasNoEffect;
    // Somebody who may not look does not know how it goes on.
    const engine = progress.engine === "unknown" && hasNoEffect ? "unchanged" : progress.engine;
    return failureOf(error, engine === "changed" ? "unknown" : engine);
  }
}

const firstPauseMs = 100;
const longestPauseMs = 2000;

/** Once something is under way, an election or a server's restart is waited out. */
export async function insist<Body>({ context }: ApiWork, ask: () => Promise<Body>): Promise<Body> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError) || !error.isTemporary) throw error;
      if (pauseMs === firstPauseMs) context.log(`${error.message}; asking again until it does`);
      await sleep(pauseMs, undefined, { signal: context.signal });
    }
  }
}

/** Keeps in mind and logs what is new. */
export function note({ progress, context }: ApiWork, line: string): void {
  if (line === progress.seen) return;
  progress.seen = line;
  context.log(line);
}

/** For a target's `check` and `current`, which have no log. */
export function silentContext(signal: AbortSignal): DeployContext {
  return { signal, log: () => {}, deadline: new Date(), remember: async () => {} };
}
