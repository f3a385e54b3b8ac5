import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import Mustache from "mustache";
import { addBanner } from "./banner.ts";
import { currentLink, demoFolder, releasesFolder, template } from "./places.ts";

/** The rule of image references; a tag becomes a folder's name here, so nothing else may come through. */
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const keptReleases = 3;

/** Renders the site of a tag into a folder of its own, and makes it the one that is served. */
export function release(tag: string, now: Date): void {
  if (!tagPattern.test(tag)) throw new Error(`'${tag}' is not an image tag`);
  mkdirSync(releasesFolder, { recursive: true });
  const folder = render(tag, now);
  switchTo(folder);
  removeOldReleases(folder);
}

/** The folder is new each time: a tag that is deployed again must not change what is being served. */
function render(tag: string, now: Date): string {
  const folder = mkdtempSync(join(releasesFolder, `${tag}.`));
  chmodSync(folder, 0o755);
  cpSync(join(template, "public"), folder, { recursive: true });
  const events = readFileSync(join(template, "events.json"), "utf8");
  writeFileSync(join(folder, "events.json"), events);
  const source = readFileSync(join(template, "index.mustache"), "utf8");
  const page = Mustache.render(source, { ...JSON.parse(events), release: tag });
  writeFileSync(join(folder, "index.html"), addBanner(page, tag, now));
  writeFileSync(join(folder, "release.txt"), tag);
  return folder;
}

/** A link cannot be rewritten in place: a new one is renamed over it, so there is no moment without a site. */
function switchTo(folder: string): void {
  const next = `${currentLink}.next`;
  rmSync(next, { force: true });
  symlinkSync(relative(demoFolder, folder), next);
  renameSync(next, currentLink);
}

/** The last ones stay: the server may still be sending files of the release before. */
function removeOldReleases(current: string): void {
  const newestFirst = readdirSync(releasesFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(releasesFolder, entry.name))
    // Left out, because the clock of a file system may tick too seldom to tell it from the one before.
    .filter((folder) => folder !== current)
    .sort((left, right) => statSync(right).mtimeMs - statSync(left).mtimeMs);
  for (const folder of newestFirst.slice(keptReleases - 1)) rmSync(folder, { recursive: true, force: true });
}
