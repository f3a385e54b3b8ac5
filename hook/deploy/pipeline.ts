import { pauseAfter } from "../queue/retry.ts";
import type { Deployment } from "../store/deployment.ts";
import type { EngineState, Outcome } from "../target/target.ts";
import { describeEngine, type Ending, failed } from "./ending.ts";
import { verifyRelease } from "./health-gate.ts";
import { checkRegistry } from "./registry-check.ts";
import { rollBack } from "./rollback.ts";
import type { Run } from "./run.ts";

/**
 * From a claimed deployment to its outcome: validate, look the tag up, deploy, verify, and go back when the release is
 * not healthy. What a process did not finish goes on where it was: a release that the engine has is not deployed
 * again, and one that was found bad least of all.
 */
export async function runPipeline(run: Run): Promise<Ending> {
  await recover(run);
  const { interruptedIn, tag } = run.deployment;
  switch (interruptedIn) {
    case "rolling-back":
      return rollBack(run, run.reasonFor("rolling-back") ?? `${tag} was not healthy`);
    case "verifying":
      return verify(run, run.reasonFor("verifying") ?? `the engine took ${tag}`);
    default:
      return deploy(run);
  }
}

/** What a killed process has left running is ended before anything is begun again. */
async function recover({ deployment, service: { target }, call, log }: Run): Promise<void> {
  const { note } = deployment;
  const { recover: end } = target;
  if (note === null || end === undefined) return;
  const outcome = await call(async (context) => {
    await end(note, deployment, context);
    await context.remember(undefined);
    return { kind: "succeeded", summary: "" };
  });
  if (outcome.kind !== "succeeded") log(outcome.reason);
}

const unverified = "the engine took it; without `verify` nothing looks whether it is healthy";

async function deploy(run: Run): Promise<Ending> {
  const { service } = run;
  const checked = await checkRegistry(run);
  if ("kind" in checked) return judgeFailure(run, checked);
  const deployment = { ...run.deployment, digest: checked.digest };
  if (checked.digest !== null) run.noteDigest(checked.digest);
  if (run.signal.aborted)
    return run.interrupt("deploying", describeEngine("unchanged", deployment, run.replaced));
  const outcome = await run.call((context) => service.target.deploy(deployment, context));
  const next = { ...run, deployment };
  switch (outcome.kind) {
    case "succeeded":
      if (service.verify === undefined && !outcome.isConverged) run.log(unverified);
      return verify(noteDigest(next, outcome.digest), outcome.summary);
    case "rolled-back":
      return { ...outcome, ...(run.replaced && { rolledBackTo: run.replaced.tag }) };
    case "failed":
      return judgeFailure(next, outcome);
  }
}

/** A target that has looked the tag up itself knows what a rollback will have to bring back. */
function noteDigest(run: Run, found: string | undefined): Run {
  if (found === undefined || run.deployment.digest !== null) return run;
  run.noteDigest(found);
  return { ...run, deployment: { ...run.deployment, digest: found } };
}

async function judgeFailure(run: Run, outcome: Extract<Outcome, { kind: "failed" }>): Promise<Ending> {
  const { deployment, service, signal, replaced } = run;
  const engine = engineAfter(deployment, outcome);
  const serving = describeEngine(engine, deployment, replaced);
  if (signal.aborted) return run.interrupt("deploying", `${outcome.reason}; ${serving}`);
  const pauseMs = outcome.isTemporary ? pauseBeforeNext(run) : undefined;
  if (pauseMs !== undefined) return { kind: "retry", reason: outcome.reason, pauseMs, engine };
  // The engine has it, and says that it does not work: the same as a release that a probe found bad.
  if (engine === "changed" && service.verify?.rollback !== false) return rollBack(run, outcome.reason);
  const tries = outcome.isTemporary && run.retries > 0 ? ` (given up after ${run.retries + 1} tries)` : "";
  // A target that says nothing of its engine is not one that has tried to find out.
  const isWorthSaying = engine === "unchanged" ? replaced !== undefined : outcome.engine !== undefined;
  return failed(`${outcome.reason}${tries}${isWorthSaying ? `; ${serving}` : ""}`);
}

/** One try knows only what it has done itself: another one before it, or a process that was killed, may have done more. */
function engineAfter(
  { leftEngine, attempt, retries }: Deployment,
  outcome: Extract<Outcome, { kind: "failed" }>,
): EngineState {
  const engine = outcome.engine ?? "unknown";
  const wasInterrupted = attempt > retries + 1;
  return engine === "unchanged" && (leftEngine !== null || wasInterrupted) ? "unknown" : engine;
}

/** `undefined` when there is to be no other try. */
function pauseBeforeNext({ service, retries, firstStartedAtMs }: Run): number | undefined {
  const { retry, deadlineMs } = service;
  const pauseMs = pauseAfter(retries + 1, retry);
  const isInTime = Date.now() + pauseMs < firstStartedAtMs + deadlineMs;
  return retries + 1 < retry.attempts && isInTime ? pauseMs : undefined;
}

async function verify(run: Run, taken: string): Promise<Ending> {
  const { service, deployment } = run;
  const gate = service.verify;
  if (gate === undefined) return { kind: "succeeded", reason: taken };
  run.log(taken);
  if (deployment.state !== "verifying") await run.enter("verifying", taken);
  const result = await verifyRelease(gate, deployment, run);
  switch (result.kind) {
    case "healthy":
      return { kind: "succeeded", reason: `${taken}; ${result.summary}` };
    case "interrupted":
      return run.interrupt(
        "verifying",
        `the engine has ${deployment.tag}, which is not verified (last seen: ${result.seen})`,
      );
    case "unhealthy":
      if (gate.rollback) return rollBack(run, result.reason);
      return failed(`${result.reason}; the engine keeps it, as \`verify.rollback: false\` says`);
  }
}
