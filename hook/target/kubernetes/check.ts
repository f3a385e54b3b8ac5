import { ApiError } from "../api-error.ts";
import type { CheckResult, Release } from "../target.ts";
import { type ClusterWork, describe, pausedProblem, readWorkload, sendPatch } from "./deploy.ts";
import { findDowntime, findPlaces, kinds, patchFor } from "./workload.ts";

export async function readRelease(work: ClusterWork): Promise<Release | undefined> {
  const found = findPlaces(await readWorkload(work), work.wanted);
  return "places" in found ? found.places[0]?.release : undefined;
}

/** Asks what it may do, then sends the patch as a dry run: admission and quotas judge it, and nothing is stored. */
export async function checkWorkload(work: ClusterWork): Promise<CheckResult> {
  const { cluster, context } = work;
  try {
    const denied = await findDenied(work);
    if (denied.length > 0) {
      const problem = `Kubernetes at ${cluster.where} does not allow to ${denied.join(", nor to ")}: see the role in the target's documentation`;
      return { ok: false, problem };
    }
    const workload = await readWorkload(work);
    const found = findPlaces(workload, work.wanted);
    const problem = "problem" in found ? found.problem : pausedProblem(workload);
    if ("problem" in found || problem !== "") return { ok: false, problem };
    const images = new Map(found.places.map((place) => [place, place.image]));
    await sendPatch(work, patchFor(workload, images, "statigo: check"), { dryRun: "All" });
    const warnings = findDowntime(work.kind, workload, found.places).map((reason) => `; warning: ${reason}`);
    const has = found.places.map(({ name, image }) => `${name} has ${image}`).join(", ");
    return {
      ok: true,
      detail: `Kubernetes at ${cluster.where} lets ${describe(work)} be changed; ${has}${warnings.join("")}`,
    };
  } catch (error) {
    if (context.signal.aborted)
      return { ok: false, problem: `Kubernetes at ${cluster.where} did not answer in time` };
    if (error instanceof ApiError) return { ok: false, problem: error.message };
    throw error;
  }
}

/** Every authenticated user may ask this (the role system:basic-user); where that was taken away, the dry run tells. */
async function findDenied({ cluster, kind, name, context }: ClusterWork): Promise<string[]> {
  const { resource } = kinds[kind];
  const questions = [
    { verb: "get", group: "apps", resource, name },
    { verb: "patch", group: "apps", resource, name },
    { verb: "list", group: "", resource: "pods" },
  ];
  const answers = await Promise.all(
    questions.map(async (question) => {
      const resourceAttributes = { namespace: cluster.namespace, ...question };
      const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
      const body = {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        spec: { resourceAttributes },
      };
      const { status } = await cluster.call<{ status: { allowed: boolean } }>({
        method: "POST",
        path,
        body,
        signal: context.signal,
      });
      return status.allowed
        ? []
        : [
            `${question.verb} ${question.resource}${question.name === undefined ? "" : ` ${question.name}`} in ${cluster.namespace}`,
          ];
    }),
  ).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 403) return [];
    throw error;
  });
  return answers.flat();
}
