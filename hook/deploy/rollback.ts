import { setTimeout as sleep } from "node:timers/promises";
import { pauseAfter } from "../queue/retry.ts";
import type { Outcome, Release } from "../target/target.ts";
import { type Ending, failed } from "./ending.ts";
import { verifyRelease } from "./health-gate.ts";
import type { Run } from "./run.ts";

/** Puts the last good release back after `why`, and looks whether that one is healthy. */
export async function rollBack(run: Run, why: string): Promise<Ending> {
  const { deployment, replaced } = run;
  const { tag, digest } = deployment;
  if (replaced === undefined)
    return failed(`${why}; there is no earlier release to go back to, so ${tag} stays`);
  if (replaced.tag === tag && (replaced.digest === digest || replaced.digest === null)) {
    return failed(`${why}; the last good release is ${tag} itself, so there is nothing to go back to`);
  }
  run.log(`${why}; going back to ${replaced.tag}`);
  if (deployment.state !== "rolling-back") await run.enter("rolling-back", why);
  const outcome = await putBack(run, replaced);
  if (outcome.kind !== "succeeded") {
    if (run.signal.aborted) return run.interrupt("rolling-back", describeUnfinished(run, replaced, why));
    return failed(`${why}; going back to ${replaced.tag} failed as well: ${outcome.reason}`);
  }
  run.log(outcome.summary);
  return verifyAgain(run, replaced, why);
}

function describeUnfinished({ deployment }: Run, to: Release, why: string): string {
  return `${why}; going back to ${to.tag} was not finished: whether the engine has it or ${deployment.tag} is not known`;
}

/** Tries again here, not by way of the queue: no newer release may come in between. */
async function putBack(run: Run, to: Release): Promise<Outcome> {
  const { service, deployment, signal, log } = run;
  const { target, retry, deadlineMs } = service;
  const startedMs = performance.now();
  for (let tries = 1; ; tries++) {
    const outcome = await run.call((context) =>
      target.rollback === undefined
        ? target.deploy({ ...deployment, ...to }, context)
        : target.rollback(to, deployment, context),
    );
    if (outcome.kind !== "failed" || !outcome.isTemporary || signal.aborted) return outcome;
    const pauseMs = pauseAfter(tries, retry);
    if (tries >= retry.attempts || performance.now() - startedMs + pauseMs > deadlineMs) return outcome;
    log(`${outcome.reason}; trying again in ${(pauseMs / 1000).toFixed(1)} s`);
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
  }
}

async function verifyAgain(run: Run, to: Release, why: string): Promise<Ending> {
  const gate = run.service.verify;
  const done: Ending = {
    kind: "rolled-back",
    reason: `${why}; rolled back to ${to.tag}`,
    rolledBackTo: to.tag,
  };
  if (gate === undefined) return done;
  const result = await verifyRelease(gate, to, run);
  switch (result.kind) {
    case "healthy":
      return { ...done, reason: `${done.reason}, ${result.summary}` };
    case "unhealthy":
      return failed(`${why}; rolled back to ${to.tag}, which is not healthy either: ${result.reason}`);
    case "interrupted":
      return run.interrupt(
        "rolling-back",
        `${why}; ${to.tag} is back but not verified (last seen: ${result.seen})`,
      );
  }
}
