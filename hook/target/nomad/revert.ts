import { setTimeout as sleep } from "node:timers/promises";
import type { Outcome, Release } from "../target.ts";
import { isLostRace } from "./error.ts";
import { followRegistration } from "./follow.ts";
import { differOnlyInRelease, findPlaces, type Job } from "./job.ts";
import { hasRelease, lostRaces, type RegisterAnswer, registerRelease } from "./register.ts";
import { jobPath, type NomadWork } from "./work.ts";

const maximumTries = 5;

/**
 * Puts a release back: with Nomad's own revert where a version has it and nothing else has changed since; otherwise
 * as a new version of the job as it is now, so that what people changed meanwhile is not taken back with it.
 */
export async function revertTo(work: NomadWork, to: Release): Promise<Outcome> {
  const { nomad, context, progress } = work;
  for (let tries = 1; tries <= maximumTries; tries++) {
    const [current, ...earlier] = await readVersions(work);
    const version =
      current === undefined ? undefined : earlier.find((job) => isVersionOf(work, job, to, current));
    if (current === undefined || version === undefined) return deployRelease(work, to);
    context.log(
      `reverting ${work.job} from version ${current.Version} to version ${version.Version}, which has ${to.tag}`,
    );
    const body = { JobID: work.job, JobVersion: version.Version, EnforcePriorVersion: current.Version };
    progress.engine = "unknown";
    try {
      const call = { method: "POST", path: jobPath(work, "/revert"), body, signal: context.signal } as const;
      const { EvalID, JobModifyIndex } = await nomad.call<RegisterAnswer>(call);
      progress.engine = "changed";
      return await followRegistration(work, { evaluation: EvalID, jobModifyIndex: JobModifyIndex });
    } catch (error) {
      if (!isLostRace(error)) throw error;
    }
    progress.engine = "unchanged";
    context.log(`the job was changed by somebody else meanwhile (try ${tries} of ${maximumTries})`);
    await sleep(50 * tries, undefined, { signal: context.signal });
  }
  return lostRaces(work);
}

export async function deployRelease(work: NomadWork, release: Release): Promise<Outcome> {
  const result = await registerRelease(work, release);
  return "outcome" in result ? result.outcome : followRegistration(work, result.registered);
}

/** The newest first. Nomad keeps six of them, unless `job_tracked_versions` says otherwise. */
async function readVersions(work: NomadWork): Promise<Job[]> {
  const call = { path: jobPath(work, "/versions"), signal: work.context.signal };
  const { Versions } = await work.nomad.call<{ Versions: Job[] }>(call);
  return Versions.sort((one, other) => other.Version - one.Version);
}

function isVersionOf({ wanted }: NomadWork, job: Job, to: Release, current: Job): boolean {
  const now = findPlaces(current, wanted);
  // It is there already: nothing to revert.
  if (!("places" in now) || hasRelease(now.places, to) || current.Stop) return false;
  const found = findPlaces(job, wanted);
  return "places" in found && hasRelease(found.places, to) && differOnlyInRelease(job, current, wanted);
}
