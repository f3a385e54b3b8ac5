import { setTimeout as sleep } from "node:timers/promises";
import { ApiError } from "../api-error.ts";
import { insist, note } from "../api-work.ts";
import type { Outcome } from "../target.ts";
import {
  type Allocation,
  describePlacements,
  describeTroubles,
  type FailedPlacements,
} from "./allocation.ts";
import { followAllocations } from "./allocations.ts";
import {
  describeHealthy,
  describeProgress,
  isEnded,
  isPromotable,
  type NomadDeployment,
  revertsTo,
  shortId,
} from "./deployment.ts";
import type { Job } from "./job.ts";
import type { Registered } from "./register.ts";
import { jobPath, type NomadWork } from "./work.ts";

interface Evaluation {
  ID: string;
  Status: "pending" | "blocked" | "complete" | "failed" | "canceled";
  StatusDescription: string;
  FailedTGAllocs: FailedPlacements;
  BlockedEval: string;
}

/** From a registered version to how it ended. */
export async function followRegistration(work: NomadWork, registered: Registered): Promise<Outcome> {
  if (registered.evaluation === "") {
    const summary = `Nomad has it in ${work.job}; the next run of the job takes it`;
    return { kind: "succeeded", summary };
  }
  if (registered.evaluation !== undefined) await followEvaluation(work, registered.evaluation);
  const deployment = await findDeployment(
    work,
    ({ JobSpecModifyIndex }) => JobSpecModifyIndex === registered.jobModifyIndex,
  );
  if (deployment !== undefined) return judge(work, await followDeployment(work, deployment.ID));
  const job = await insist(work, () =>
    work.nomad.call<Job>({ path: jobPath(work), signal: work.context.signal }),
  );
  if (job.JobModifyIndex === registered.jobModifyIndex) return followAllocations(work, job);
  const reason = `the job ${work.job} was changed by somebody else right after it (version ${job.Version}): whether that one is good is theirs to say`;
  return { kind: "failed", reason, engine: "unknown" };
}

/** The scheduler's part: where the allocations go. */
async function followEvaluation(work: NomadWork, id: string): Promise<void> {
  let index = 0;
  for (;;) {
    const seen = await insist(work, () =>
      work.nomad.watch<Evaluation>(`evaluation/${id}`, index, work.context.signal),
    );
    index = seen.index;
    const { Status, StatusDescription, FailedTGAllocs, BlockedEval } = seen.value;
    if (Status === "pending") continue;
    const missing = describePlacements(FailedTGAllocs);
    const blocked =
      BlockedEval === "" ? "" : `; Nomad goes on when there is room (evaluation ${shortId(BlockedEval)})`;
    if (missing !== "") note(work, `no place yet for all of it: ${missing}${blocked}`);
    else if (Status !== "complete")
      note(work, `evaluation ${shortId(id)} is ${Status}: ${StatusDescription}`);
    return;
  }
}

async function findDeployment(
  work: NomadWork,
  isMeant: (deployment: NomadDeployment) => boolean,
): Promise<NomadDeployment | undefined> {
  const path = jobPath(work, "/deployments");
  const { signal } = work.context;
  const deployments = await insist(work, () => work.nomad.call<NomadDeployment[]>({ path, signal }));
  return deployments.filter(isMeant).sort((one, other) => other.CreateIndex - one.CreateIndex)[0];
}

/** Until it has ended; promotes canaries where that is asked for. */
async function followDeployment(work: NomadWork, id: string): Promise<NomadDeployment> {
  const { nomad, context, promote } = work;
  let index = 0;
  let unhealthy = 0;
  context.log(`following deployment ${shortId(id)}`);
  for (;;) {
    const seen = await insist(work, () =>
      nomad.watch<NomadDeployment>(`deployment/${id}`, index, context.signal),
    );
    index = seen.index;
    note(work, describeProgress(seen.value));
    if (isEnded(seen.value)) return seen.value;
    const nowUnhealthy = countUnhealthy(seen.value);
    if (nowUnhealthy > unhealthy) for (const line of await readTroubles(work, id)) context.log(line);
    unhealthy = nowUnhealthy;
    if (promote === "auto" && isPromotable(seen.value)) await promoteCanaries(work, id);
    else if (isPromotable(seen.value))
      note(work, `the canaries are healthy and wait for: nomad deployment promote ${shortId(id)}`);
  }
}

function countUnhealthy({ TaskGroups }: NomadDeployment): number {
  return Object.values(TaskGroups ?? {}).reduce((sum, { UnhealthyAllocs }) => sum + UnhealthyAllocs, 0);
}

async function readTroubles({ nomad, context }: NomadWork, id: string): Promise<string[]> {
  const call = { path: `deployment/allocations/${id}`, signal: context.signal };
  return describeTroubles(await nomad.call<Allocation[]>(call));
}

/** One that lost its health meanwhile is refused with 500 (`UpdateDeploymentPromotion`), and comes again. */
async function promoteCanaries({ nomad, context }: NomadWork, id: string): Promise<void> {
  context.log("the canaries are healthy: promoting them");
  const body = { DeploymentID: id, All: true };
  const path = `deployment/promote/${id}`;
  try {
    await nomad.call({ method: "POST", path, body, signal: context.signal });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 500) throw error;
    context.log(error.message);
  }
}

async function judge(work: NomadWork, deployment: NomadDeployment): Promise<Outcome> {
  const { ID, JobVersion, Status, StatusDescription } = deployment;
  const name = `deployment ${shortId(ID)} of version ${JobVersion}`;
  if (Status === "successful") {
    const summary = `Nomad runs ${work.job} in version ${JobVersion}: ${describeHealthy(deployment)} (deployment ${shortId(ID)})`;
    return { kind: "succeeded", summary, isConverged: true };
  }
  if (Status === "cancelled") {
    return { kind: "failed", reason: `Nomad cancelled the ${name}: ${StatusDescription}`, engine: "unknown" };
  }
  const troubles = await insist(work, () => readTroubles(work, ID));
  const why = [`the ${name} failed: ${StatusDescription}`, ...troubles].join("; ");
  const stable = revertsTo(deployment);
  return stable === undefined
    ? { kind: "failed", reason: why, engine: "changed" }
    : followRevert(work, deployment, why, stable);
}

/** `auto_revert` registers the last stable version anew, with a deployment of its own: what it was is no success. */
async function followRevert(
  work: NomadWork,
  { JobVersion: badVersion }: NomadDeployment,
  why: string,
  stable: number,
): Promise<Outcome> {
  work.context.log(`${why}; Nomad goes back to version ${stable}`);
  for (;;) {
    const next = await findDeployment(work, ({ JobVersion }) => JobVersion > badVersion);
    if (next === undefined) {
      await sleep(200, undefined, { signal: work.context.signal });
      continue;
    }
    const end = await followDeployment(work, next.ID);
    if (end.Status === "successful") {
      return {
        kind: "rolled-back",
        reason: `${why}; Nomad is back at version ${stable}, as version ${end.JobVersion}`,
      };
    }
    const reason = `${why}; going back to it ended as ${end.Status} as well: ${end.StatusDescription}`;
    return { kind: "failed", reason, engine: "unknown" };
  }
}
