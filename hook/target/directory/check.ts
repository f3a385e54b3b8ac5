import { accessSync, constants, lstatSync } from "node:fs";
import { dirname, join } from "node:path";
import type { CheckContext, CheckResult } from "../target.ts";
import { currentRelease, type DirectoryPlan } from "./deploy.ts";
import { findObstacle } from "./site-folder.ts";

/** Whether it could unpack a release, and what it would do; nothing is made. */
export async function checkDirectory(plan: DirectoryPlan, context: CheckContext): Promise<CheckResult> {
  const { site, isDefaultFolder, path, keep } = plan;
  const problem = findProblem(site.path) ?? (await findObstacle(site));
  if (problem !== undefined) return { ok: false, problem };
  const source = await checkSource(plan, context);
  if (!source.ok) return source;
  const current = await currentRelease(plan);
  const serving = current === undefined ? "which has no release yet" : `which serves ${current.tag} now`;
  const standard = isDefaultFolder ? " (where it goes when no folder is named)" : "";
  const what = path ?? "the image's WORKDIR";
  return {
    ok: true,
    detail: `would unpack ${what} into ${site.path}${standard}, ${serving}, and keep ${keep} releases; ${source.detail}`,
  };
}

/** Folders that are not there yet are made by the first deployment, in the nearest one that is there. */
function findProblem(folder: string): string | undefined {
  for (let place = folder; ; place = dirname(place)) {
    try {
      accessSync(place, constants.W_OK | constants.X_OK);
      if (!lstatSync(`${place}/.`).isDirectory()) return `${place} is no folder`;
      return undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" || place === dirname(place)) return `${place} cannot be written (${code})`;
    }
  }
}

async function checkSource({ from }: DirectoryPlan, context: CheckContext): Promise<CheckResult> {
  if ("check" in from) return from.check(context);
  // Which file it is depends on the tag.
  if ("archive" in from) return { ok: true, detail: "images come as archives" };
  try {
    accessSync(join(from.layout, "index.json"), constants.R_OK);
    return { ok: true, detail: `${from.layout} is an OCI layout` };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { ok: false, problem: `${from.layout} is no OCI layout: its index.json cannot be read (${code})` };
  }
}
