import { performance } from "node:perf_hooks";
import { insist, note } from "../api-work.ts";
import type { Outcome } from "../target.ts";
import { type Allocation, describeTroubles, isTroubled } from "./allocation.ts";
import { steadyMsOf } from "./downtime.ts";
import type { Job } from "./job.ts";
import { jobPath, type NomadWork } from "./work.ts";

/**
 * A batch job, a system job of an older Nomad, and a service without a rolling `update` have no deployment: what can be
 * said of them is that the new version's allocations run, and go on running as long as `min_healthy_time` says.
 */
export async function followAllocations(work: NomadWork, job: Job): Promise<Outcome> {
  const { nomad, context } = work;
  const steadyMs = steadyMsOf(job);
  let index = 0;
  let steady: { state: string; sinceMs: number } | undefined;
  note(work, `version ${job.Version} has no deployment: looking at its allocations`);
  for (;;) {
    // While it is steady nothing changes: the wait is cut short then.
    const leftMs = steady === undefined ? undefined : steadyMs - (performance.now() - steady.sinceMs);
    if (leftMs !== undefined && leftMs <= 0) return succeed(job, steady?.state ?? "");
    const limit = leftMs === undefined ? undefined : AbortSignal.timeout(Math.ceil(leftMs));
    const signal = limit === undefined ? context.signal : AbortSignal.any([context.signal, limit]);
    const ask = () => nomad.watch<Allocation[]>(jobPath(work, "/allocations"), index, signal);
    const seen = await insist(work, ask).catch((error: unknown) => {
      if (limit?.aborted && !context.signal.aborted) return undefined;
      throw error;
    });
    if (seen === undefined) continue;
    index = seen.index;
    const view = viewOf(job, seen.value);
    note(work, view.line);
    if (view.troubles.length > 0) {
      const reason = `version ${job.Version} of ${job.ID} does not run: ${view.troubles.join("; ")}`;
      return { kind: "failed", reason, engine: "changed" };
    }
    if (!view.isUp) steady = undefined;
    else if (steady?.state !== view.state) steady = { state: view.state, sinceMs: performance.now() };
  }
}

interface View {
  line: string;
  /** Changes when a task is restarted. */
  state: string;
  isUp: boolean;
  troubles: string[];
}

function viewOf(job: Job, allocations: readonly Allocation[]): View {
  // One that was tried again on another node is that one's business.
  const wanted = allocations.filter(
    (one) => one.JobVersion === job.Version && one.DesiredStatus === "run" && one.NextAllocation === "",
  );
  const old = allocations.filter(
    (one) =>
      one.JobVersion !== job.Version && (one.ClientStatus === "running" || one.ClientStatus === "pending"),
  );
  const up = wanted.filter(isUp);
  const troubled = wanted.filter((one) => isTroubled(one) && !isUp(one));
  return {
    line: `${up.length} of ${wanted.length} run, ${old.length} of earlier versions`,
    state: wanted.map(({ ID, TaskStates }) => `${ID} ${restarts(TaskStates)}`).join(),
    isUp: up.length === wanted.length && old.length === 0 && wanted.length >= expectedCount(job),
    troubles: describeTroubles(troubled),
  };
}

/** At least; how many nodes a system job has is not known from the job. */
function expectedCount({ Type, TaskGroups }: Job): number {
  return Type === "service" || Type === "batch" ? TaskGroups.reduce((sum, { Count }) => sum + Count, 0) : 0;
}

function isUp({ ClientStatus }: Allocation): boolean {
  return ClientStatus === "running" || ClientStatus === "complete";
}

function restarts(states: Allocation["TaskStates"]): number {
  return Object.values(states ?? {}).reduce((sum, { Restarts }) => sum + Restarts, 0);
}

function succeed(job: Job, state: string): Outcome {
  const count = state === "" ? 0 : state.split(",").length;
  const summary = `Nomad runs ${job.ID} in version ${job.Version}: ${count} ${count === 1 ? "allocation" : "allocations"} up`;
  return { kind: "succeeded", summary, isConverged: true };
}
