import { dirname, join, resolve } from "node:path";
import { shownPath } from "./image/output.ts";
import { type ExistingSite, findSite } from "./init/existing-site.ts";
import { readParts } from "./init/parts.ts";
import { findTemplatesFolder } from "./templates.ts";

/**
 * What may be unexpected about a folder that a person has named: a site is made from it, or its generator wants the
 * server to have a variable, which the images of it have.
 */
export function describeProject(folder: string, command: string, isSpa: boolean): string | undefined {
  const own = findQuietly(folder);
  const place = resolve(folder);
  const isSource = own !== undefined && own.output !== ".";
  const project = isSource ? { site: own, folder: place } : findAbove(place);
  if (project === undefined) return undefined;
  const { generator, output } = project.site;
  const flags = isSpa ? "" : flagsOf(generator.environment ?? {});
  const line = `statigo ${command} ${shownPath(join(project.folder, output))}${flags}`;
  if (!isSource)
    return flags === "" ? undefined : `this is ${generator.title}, which its image serves so: ${line}`;
  return `${folder} is what a site is made from (${generator.title}); the site itself: ${line}`;
}

/** Of a finished folder alone, as of which an image is made: what its generator's Dockerfile gives the server besides. */
export function describeMissingFlags(folder: string): string | undefined {
  const project = findAbove(resolve(folder));
  const flags = flagsOf(project?.site.generator.environment ?? {}, " --arg=--");
  if (project === undefined || flags === "") return undefined;
  return `this is ${project.site.generator.title}, whose Dockerfile gives the server more:${flags}`;
}

interface Project {
  site: ExistingSite;
  folder: string;
}

/** The project whose build writes to this folder: it is three levels up at most, of Nuxt and VitePress. */
function findAbove(place: string): Project | undefined {
  let folder = place;
  for (let level = 0; level < 3; level++) {
    folder = dirname(folder);
    const site = findQuietly(folder);
    if (site !== undefined) return join(folder, site.output) === place ? { site, folder } : undefined;
  }
  return undefined;
}

/** A hint must not keep a folder from being served. */
function findQuietly(folder: string): ExistingSite | undefined {
  try {
    return findSite(folder, readParts(findTemplatesFolder()));
  } catch {
    return undefined;
  }
}

function flagsOf(environment: Readonly<Record<string, string>>, dashes = " --"): string {
  return Object.entries(environment)
    .map(([name, value]) => {
      const flag = `${dashes}${name
        .replace(/^STATIGO_/, "")
        .toLowerCase()
        .replaceAll("_", "-")}`;
      return value === "true" ? flag : `${flag}=${value}`;
    })
    .join("");
}
