import type { Deployment } from "../store/deployment.ts";
import type { DeployContext, Outcome, Release, Target } from "../target/target.ts";
import {
  callPart,
  failureText,
  type Part,
  type PartResult,
  putBack,
  putBackAll,
  readNotes,
} from "./several-parts.ts";

/** Whether one target follows the other, or all begin together. */
export type TargetOrder = "in-order" | "at-once";

/**
 * Several targets that are one to the rest of the hook: all of them have the release in the end, or none of them. What
 * was there before is asked for first, and kept on the disk: a process that takes over has to know it too.
 */
export function combineTargets(targets: readonly Target[], order: TargetOrder): Target {
  const parts = labelParts(targets);
  const limits = targets.map(({ timeoutMs }) => timeoutMs);
  const oneWayMs = order === "in-order" ? limits.reduce((sum, one) => sum + one, 0) : Math.max(...limits);
  return {
    name: targets.map(({ name }) => name).join("+"),
    // There, and back again.
    timeoutMs: 2 * oneWayMs,
    parts: targets,
    deploy: (deployment, context) => deployAll(parts, order, deployment, context),
    rollback: (to, deployment, context) => rollBackAll(parts, order, to, deployment, context),
    recover: (note, deployment, context) => recoverAll(parts, note, deployment, context),
    async current(context) {
      for (const target of targets) {
        if (target.current !== undefined) return target.current(context);
      }
      return undefined;
    },
  };
}

function labelParts(targets: readonly Target[]): Part[] {
  return targets.map((target, index) => {
    const same = targets.filter(({ name }) => name === target.name);
    return { label: same.length > 1 ? `${target.name} ${index + 1}` : target.name, target };
  });
}

async function deployAll(
  parts: readonly Part[],
  order: TargetOrder,
  deployment: Deployment,
  context: DeployContext,
): Promise<Outcome> {
  const kept = readNotes(deployment.note);
  const before = kept.before ?? (await readBefore(parts, context));
  const notes = createNotes(context, before);
  await notes.keep().catch((error: Error) => context.log(`what there was is not kept: ${error.message}`));
  const deployPart = async (part: Part, index: number): Promise<PartResult> => {
    const work = (own: DeployContext) => part.target.deploy(deployment, own);
    const outcome = await callPart(part, context, work, (note) => notes.keep(index, note));
    context.log(`${part.label}: ${outcome.kind === "succeeded" ? outcome.summary : outcome.reason}`);
    return { part, outcome, before: before[index] ?? null };
  };
  const results: PartResult[] = [];
  if (order === "at-once") results.push(...(await Promise.all(parts.map(deployPart))));
  else {
    for (const [index, part] of parts.entries()) {
      const result = await deployPart(part, index);
      results.push(result);
      if (result.outcome.kind !== "succeeded") break;
    }
  }
  const outcome = await judge(results, deployment, context);
  // A process that takes over needs to know what there was.
  if (!context.signal.aborted) await context.remember(undefined).catch(() => {});
  return outcome;
}

/** What each has now; `null` where it cannot be told. */
async function readBefore(
  parts: readonly Part[],
  { signal, log }: DeployContext,
): Promise<(Release | null)[]> {
  return Promise.all(
    parts.map(async ({ target, label }) => {
      try {
        return (await target.current?.({ signal })) ?? null;
      } catch (error) {
        log(`${label}: what it has now cannot be told: ${(error as Error).message}`);
        return null;
      }
    }),
  );
}

/** The parts' notes and what was there before, as one note. */
function createNotes({ remember }: DeployContext, before: readonly (Release | null)[]) {
  const notes: Record<number, string> = {};
  return {
    keep(index?: number, note?: string): Promise<void> {
      if (index !== undefined && note === undefined) delete notes[index];
      else if (index !== undefined && note !== undefined) notes[index] = note;
      return remember(JSON.stringify({ before, notes }));
    },
  };
}

async function judge(
  results: readonly PartResult[],
  deployment: Deployment,
  context: DeployContext,
): Promise<Outcome> {
  const good = results.flatMap(({ outcome }) => (outcome.kind === "succeeded" ? [outcome] : []));
  if (good.length === results.length) {
    const summary = results
      .map(({ part, outcome }) => `${part.label}: ${outcome.kind === "succeeded" ? outcome.summary : ""}`)
      .join("; ");
    return { kind: "succeeded", summary, isConverged: good.every((one) => one.isConverged === true) };
  }
  const reason = failureText(results);
  // Handed over or cancelled: going back now would be one more thing that nobody waits for.
  if (context.signal.aborted)
    return { kind: "failed", reason, engine: good.length > 0 ? "changed" : "unknown" };
  return putBackAll(results, deployment, context, reason);
}

/** The last first, as they depend on each other; one that fails keeps none of the others. */
async function rollBackAll(
  parts: readonly Part[],
  order: TargetOrder,
  to: Release,
  deployment: Deployment,
  context: DeployContext,
): Promise<Outcome> {
  const back = async (part: Part): Promise<PartResult> => {
    const outcome = await callPart(part, context, (own) => putBack(part, to, deployment, own));
    return { part, outcome, before: null };
  };
  const results: PartResult[] = [];
  if (order === "at-once") results.push(...(await Promise.all(parts.map(back))));
  else for (const part of parts.toReversed()) results.push(await back(part));
  const failures = results.flatMap(({ outcome }) => (outcome.kind === "failed" ? [outcome] : []));
  if (results.every(({ outcome }) => outcome.kind === "succeeded")) {
    const converged = results.every(
      ({ outcome }) => outcome.kind === "succeeded" && outcome.isConverged === true,
    );
    const summary = `${parts.map(({ label }) => label).join(", ")}: ${to.tag} again`;
    return { kind: "succeeded", summary, isConverged: converged };
  }
  const isTemporary = failures.length > 0 && failures.every((one) => one.isTemporary === true);
  return { kind: "failed", reason: failureText(results), isTemporary, engine: "unknown" };
}

async function recoverAll(
  parts: readonly Part[],
  note: string,
  deployment: Deployment,
  context: DeployContext,
): Promise<void> {
  const { notes } = readNotes(note);
  for (const [index, { target, label }] of parts.entries()) {
    const own = notes[index];
    if (own === undefined || target.recover === undefined) continue;
    await target.recover(own, deployment, { ...context, log: (line) => context.log(`${label}: ${line}`) });
  }
}
