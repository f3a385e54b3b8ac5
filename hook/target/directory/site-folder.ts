import { randomBytes } from "node:crypto";
import type { Dirent } from "node:fs";
import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { basename, join } from "node:path";
import { shortDigest } from "../../../oci/digest.ts";
import { syncAll, syncEntry, syncPath } from "../../../oci/sync.ts";

/**
 * A service's folder:
 *
 *   current   → releases/v42-3f2a9c1b0d4e     what the server serves
 *   previous  → releases/v41-91c5d2a7e6f0     what it served before
 *   releases/v42-3f2a9c1b0d4e/                the site as it was in the image
 *   records/v42-3f2a9c1b0d4e.json             whose release it is; outside of what is served
 *   staging/                                  what is not finished
 */
export interface SiteFolder {
  path: string;
}

/** What is known of a release. Written before its folder appears, so that a folder without one is nobody's. */
export interface ReleaseRecord {
  service: string;
  image: string;
  tag: string;
  digest: string;
  /** The folder of the image that it is. */
  path: string;
}

export interface KeptRelease extends ReleaseRecord {
  name: string;
}

/** The tag's grammar has no slash, and neither a dot nor a dash in front. */
export function releaseName({ tag, digest }: Pick<ReleaseRecord, "tag" | "digest">): string {
  return `${tag}-${shortDigest(digest)}`;
}

const releasesOf = ({ path }: SiteFolder) => join(path, "releases");
const recordsOf = ({ path }: SiteFolder) => join(path, "records");
const stagingOf = ({ path }: SiteFolder) => join(path, "staging");
const recordFile = (site: SiteFolder, name: string) => join(recordsOf(site), `${name}.json`);

/** Makes the folders, and a new one for one unpacking; what an earlier, killed one has left is removed. */
export async function prepareStaging(site: SiteFolder): Promise<string> {
  for (const folder of [releasesOf(site), recordsOf(site)]) await mkdir(folder, { recursive: true });
  await rm(stagingOf(site), { recursive: true, force: true });
  await mkdir(stagingOf(site), { recursive: true, mode: 0o700 });
  await removeStrayLinks(site);
  return mkdtemp(join(stagingOf(site), "unpack-"));
}

export async function clearStaging(site: SiteFolder): Promise<void> {
  await rm(stagingOf(site), { recursive: true, force: true });
}

const temporaryLink = /^\.(?:current|previous)-[0-9a-f]{12}$/;

async function removeStrayLinks({ path }: SiteFolder): Promise<void> {
  const stray = (await readdir(path)).filter((name) => temporaryLink.test(name));
  for (const name of stray) await rm(join(path, name), { force: true });
}

/** Puts a finished folder among the releases, where nothing points to it yet. */
export async function addRelease(
  site: SiteFolder,
  folder: string,
  record: ReleaseRecord,
): Promise<KeptRelease> {
  const name = await findFreeName(site, releaseName(record));
  const file = recordFile(site, name);
  const draft = `${folder}.json`;
  await writeFile(draft, `${JSON.stringify(record, null, 2)}\n`);
  await syncPath(draft);
  await rename(draft, file);
  await syncEntry(file);
  const place = join(releasesOf(site), name);
  await rename(folder, place);
  await syncEntry(place);
  return { ...record, name };
}

/** A folder whose record is lost may still be what is served: it is never replaced. */
async function findFreeName(site: SiteFolder, wanted: string): Promise<string> {
  const taken = new Set(await namesIn(releasesOf(site), () => true));
  let name = wanted;
  for (let number = 2; taken.has(name); number++) name = `${wanted}.${number}`;
  return name;
}

/** A release under another tag, when the same image is pushed again: the same files, without fetching them. */
export async function copyRelease(site: SiteFolder, { name }: KeptRelease, folder: string): Promise<void> {
  const copied = await copyFolder(join(releasesOf(site), name), folder);
  await syncAll(copied);
}

async function copyFolder(from: string, to: string): Promise<string[]> {
  await mkdir(to, { mode: 0o755 });
  const folders = [to];
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) folders.unshift(...(await copyFolder(source, target)));
    else if (entry.isSymbolicLink()) await symlink(await readlink(source), target);
    else await link(source, target);
  }
  return folders;
}

/** Those whose folder and record are both there, the one that was used last first. */
export async function listReleases(site: SiteFolder): Promise<KeptRelease[]> {
  const folders = new Set(await namesIn(releasesOf(site), (entry) => entry.isDirectory()));
  const names = (await namesIn(recordsOf(site), (entry) => entry.isFile() && entry.name.endsWith(".json")))
    .map((name) => name.slice(0, -".json".length))
    .filter((name) => folders.has(name));
  const found = await Promise.all(names.map((name) => readRecord(site, name)));
  return found
    .filter((one) => one !== undefined)
    .toSorted((a, b) => b.usedMs - a.usedMs)
    .map(({ usedMs: _, ...release }) => release);
}

async function namesIn(folder: string, isWanted: (entry: Dirent) => boolean): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(ignoreMissing<Dirent[]>([]));
  return entries.filter(isWanted).map(({ name }) => name);
}

function ignoreMissing<Value>(instead: Value): (error: NodeJS.ErrnoException) => Value {
  return (error) => {
    if (error.code === "ENOENT") return instead;
    throw error;
  };
}

async function readRecord(
  site: SiteFolder,
  name: string,
): Promise<(KeptRelease & { usedMs: number }) | undefined> {
  try {
    const file = recordFile(site, name);
    const { service, image, tag, digest, path, usedMs = 0 } = JSON.parse(await readFile(file, "utf8"));
    const texts = [service, image, tag, digest, path];
    if (!texts.every((text) => typeof text === "string")) return undefined;
    return { service, image, tag, digest, path, usedMs, name };
  } catch {
    // Not whole, or being removed: it is nobody's release.
    return undefined;
  }
}

/** What `current` points to; `undefined` when there is nothing, or nothing of ours. */
export async function readCurrent(site: SiteFolder): Promise<KeptRelease | undefined> {
  const name = await readLinkName(site, "current");
  return name === undefined ? undefined : await readRecord(site, name);
}

type LinkName = "current" | "previous";

async function readLinkName({ path }: SiteFolder, which: LinkName): Promise<string | undefined> {
  const target = await readlink(join(path, which)).catch((error: NodeJS.ErrnoException) => {
    // EINVAL: something else has the name.
    if (error.code === "ENOENT" || error.code === "EINVAL") return undefined;
    throw error;
  });
  return target === undefined ? undefined : basename(target);
}

/** Something that is in a link's place and was not put there by the hook. */
export async function findObstacle({ path }: SiteFolder): Promise<string | undefined> {
  for (const which of ["current", "previous"] satisfies LinkName[]) {
    const place = join(path, which);
    const found = await lstat(place).catch(ignoreMissing(undefined));
    if (found === undefined || found.isSymbolicLink()) continue;
    const kind = found.isDirectory() ? "a folder" : "a file";
    return `${place} is ${kind}, where a link to a release has to be: move it away`;
  }
  return undefined;
}

/** From one moment to the next, for whoever opens `current`: a link is renamed over the old one. */
export async function switchTo(site: SiteFolder, release: KeptRelease): Promise<void> {
  const before = await readLinkName(site, "current");
  // A disk that is full must not keep anybody from going back.
  await noteUse(site, release).catch(() => {});
  if (before === release.name) return;
  if (before !== undefined) await pointTo(site, "previous", before);
  await pointTo(site, "current", release.name);
  await syncEntry(join(site.path, "current"));
}

async function pointTo({ path }: SiteFolder, which: LinkName, name: string): Promise<void> {
  const draft = join(path, `.${which}-${randomBytes(6).toString("hex")}`);
  await symlink(join("releases", name), draft);
  await rename(draft, join(path, which));
}

/** In the record, not by its file's time: a copied or restored folder keeps its order. */
async function noteUse(site: SiteFolder, { name, ...record }: KeptRelease): Promise<void> {
  const file = recordFile(site, name);
  const draft = `${file}.draft`;
  await writeFile(draft, `${JSON.stringify({ ...record, usedMs: Date.now() }, null, 2)}\n`);
  await rename(draft, file);
}

/** Removes what is beyond `keep`, the longest unused first. Gives what was removed. */
export async function prune(site: SiteFolder, keep: number): Promise<string[]> {
  const pinned = new Set([await readLinkName(site, "current"), await readLinkName(site, "previous")]);
  const releases = await listReleases(site);
  const surplus = releases.slice(keep).filter(({ name }) => !pinned.has(name));
  for (const { name } of surplus) {
    // The record first: what is left of a folder without one is removed by the next deployment.
    await rm(recordFile(site, name), { force: true });
    await rm(join(releasesOf(site), name), { recursive: true, force: true });
  }
  await removeNobodys(site, pinned);
  return surplus.map(({ name }) => name);
}

/** Of a hook that was killed between a record and its folder. */
async function removeNobodys(site: SiteFolder, pinned: ReadonlySet<string | undefined>): Promise<void> {
  const known = new Set((await listReleases(site)).map(({ name }) => name));
  const folders = await namesIn(releasesOf(site), (entry) => entry.isDirectory());
  for (const name of folders.filter((one) => !known.has(one) && !pinned.has(one))) {
    await rm(join(releasesOf(site), name), { recursive: true, force: true });
  }
  const records = await namesIn(recordsOf(site), (entry) => entry.isFile());
  for (const file of records.filter((one) => !known.has(one.replace(/\.json$/, "")))) {
    await rm(join(recordsOf(site), file), { force: true });
  }
}
