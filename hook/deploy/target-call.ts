import type { DeployContext, Outcome, Target } from "../target/target.ts";

/** A target that does not honour its signal would block its service for ever: it is given this long, then left. */
const ignoredSignalMs = 15_000;

export interface CallOptions {
  signal: AbortSignal;
  log(line: string): void;
  remember(note: string | undefined): Promise<void>;
}

/** Has a target do something within its time limit. Whatever it does, this comes to an outcome. */
export async function callTarget(
  { name, timeoutMs }: Pick<Target, "name" | "timeoutMs">,
  work: (context: DeployContext) => Promise<Outcome>,
  { signal: interruption, log, remember }: CallOptions,
): Promise<Outcome> {
  const deadline = new Date(Date.now() + timeoutMs);
  const timeLimit = new AbortController();
  const limitTimer = setTimeout(() => timeLimit.abort(new Error("time limit")), timeoutMs);
  const signal = AbortSignal.any([timeLimit.signal, interruption]);
  const giveUp = leaveAfter(signal, ignoredSignalMs);
  try {
    const outcome = await Promise.race([work({ log, signal, deadline, remember }), giveUp.outcome]);
    if (outcome.kind !== "failed" || !timeLimit.signal.aborted) return outcome;
    return { ...outcome, reason: `${outcome.reason} (time limit ${timeoutMs / 1000} s)` };
  } catch (error) {
    return { kind: "failed", reason: `the target ${name} broke: ${(error as Error).message}` };
  } finally {
    clearTimeout(limitTimer);
    giveUp.cancel();
  }
}

/** An outcome that comes a while after a signal, for when none else does. */
function leaveAfter(signal: AbortSignal, delayMs: number): { outcome: Promise<Outcome>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  let start = () => {};
  const left: Outcome = { kind: "failed", reason: "the target did not stop when it was told to; left it" };
  const outcome = new Promise<Outcome>((resolve) => {
    start = () => {
      timer = setTimeout(() => resolve(left), delayMs);
    };
    if (signal.aborted) start();
    else signal.addEventListener("abort", start, { once: true });
  });
  const cancel = () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", start);
  };
  return { outcome, cancel };
}
