import { setTimeout as sleep } from "node:timers/promises";
import type { Outcome, Release } from "../target.ts";
import { describePlacements, type FailedPlacements, mayFindRoom } from "./allocation.ts";
import { isLostRace } from "./error.ts";
import { findPlaces, isSameRelease, type Job, type Place } from "./job.ts";
import { jobPath, type NomadWork } from "./work.ts";

/** What Nomad has taken, or had already. */
export interface Registered {
  jobModifyIndex: number;
  /** `undefined` when nothing was registered; empty when Nomad makes none, for periodic and parameterized jobs. */
  evaluation: string | undefined;
}

export type RegisterResult = { registered: Registered } | { outcome: Outcome };

interface PlanAnswer {
  Diff: { Type: string } | null;
  FailedTGAllocs: FailedPlacements;
  Warnings: string;
}

export interface RegisterAnswer {
  EvalID: string;
  JobModifyIndex: number;
  Warnings: string;
}

const maximumTries = 5;

/** Reads the job, puts the release into it, plans it, and registers it unless somebody else was faster. */
export async function registerRelease(work: NomadWork, release: Release): Promise<RegisterResult> {
  const { context, progress } = work;
  for (let tries = 1; tries <= maximumTries; tries++) {
    const found = await readJob(work);
    if ("outcome" in found) return found;
    const { job, places } = found;
    const before = describePlaces(places);
    for (const { write } of places) write(release);
    const planned = await plan(work, job);
    if (planned.outcome !== undefined) return { outcome: planned.outcome };
    if (planned.isUnchanged) {
      context.log(`${before} already: nothing to register`);
      progress.engine = "changed";
      return { registered: { jobModifyIndex: job.JobModifyIndex, evaluation: undefined } };
    }
    context.log(`${before}; registering ${release.tag} after job modify index ${job.JobModifyIndex}`);
    progress.engine = "unknown";
    try {
      return { registered: await register(work, job) };
    } catch (error) {
      if (!isLostRace(error)) throw error;
    }
    progress.engine = "unchanged";
    context.log(`the job was changed by somebody else meanwhile (try ${tries} of ${maximumTries})`);
    await sleep(50 * tries, undefined, { signal: context.signal });
  }
  return { outcome: lostRaces(work) };
}

export function lostRaces({ job }: NomadWork): Outcome {
  const reason = `the job ${job} kept being changed by somebody else; find out who registers it`;
  return { kind: "failed", reason, isTemporary: true, engine: "unchanged" };
}

type FoundJob = { job: Job; places: Place[] };

export async function readJob(work: NomadWork): Promise<FoundJob | { outcome: Outcome }> {
  const { nomad, wanted, context } = work;
  const job = await nomad.call<Job>({ path: jobPath(work), signal: context.signal });
  const found = placesOf(job, wanted);
  if ("places" in found) return { job, places: found.places };
  return { outcome: { kind: "failed", reason: found.problem, engine: "unchanged" } };
}

/** A stopped job would be registered as stopped. */
export function placesOf(job: Job, wanted: NomadWork["wanted"]): ReturnType<typeof findPlaces> {
  if (job.Stop) return { problem: `the job ${job.ID} is stopped: start it with \`nomad job run\` first` };
  return findPlaces(job, wanted);
}

export function describePlaces(places: readonly Place[]): string {
  return places
    .map(
      ({ group, task, repository, release }) =>
        `${group}/${task} has ${repository}:${release?.tag ?? "(a tag that a template makes)"}`,
    )
    .join(", ");
}

/** Where there is no room for it, Nomad would stop the old and leave the new waiting. */
async function plan(
  work: NomadWork,
  job: Job,
): Promise<{ isUnchanged: boolean; outcome?: undefined } | { outcome: Outcome }> {
  const { nomad, context } = work;
  const answer = await planJob(work, job);
  if (answer.Warnings !== "") context.log(`Nomad warns: ${answer.Warnings.trim()}`);
  const reason = describePlacements(answer.FailedTGAllocs);
  if (reason === "") return { isUnchanged: answer.Diff?.Type === "None" };
  return {
    outcome: {
      kind: "failed",
      reason: `Nomad at ${nomad.where} has no place for it (${reason}): nothing was registered`,
      isTemporary: mayFindRoom(answer.FailedTGAllocs),
      engine: "unchanged",
    },
  };
}

export function planJob(work: NomadWork, job: Job): Promise<PlanAnswer> {
  const body = { Job: withoutVersionTag(job), Diff: true };
  return work.nomad.call({ method: "POST", path: jobPath(work, "/plan"), body, signal: work.context.signal });
}

async function register(work: NomadWork, job: Job): Promise<Registered> {
  const answer = await sendJob(work, job, job.JobModifyIndex);
  work.progress.engine = "changed";
  return { jobModifyIndex: answer.JobModifyIndex, evaluation: answer.EvalID };
}

export function sendJob({ nomad, context }: NomadWork, job: Job, index: number): Promise<RegisterAnswer> {
  const body = {
    Job: withoutVersionTag(job),
    EnforceIndex: true,
    JobModifyIndex: index,
    PreserveCounts: true,
  };
  return nomad.call({ method: "POST", path: "jobs", body, signal: context.signal });
}

/** The name that somebody gave to one version is not the next one's: `Job.Revert` clears it as well. */
function withoutVersionTag(job: Job): Job {
  return { ...job, VersionTag: null } as Job;
}

export function hasRelease(places: readonly Place[], release: Release): boolean {
  return places.every((place) => isSameRelease(place.release, release));
}
