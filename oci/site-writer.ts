import { constants } from "node:fs";
import { chmod, link, mkdir, open, symlink } from "node:fs/promises";
import { join } from "node:path";
import { ImageError } from "./image-error.ts";
import { type Budget, budgetOf, type LayerFile, readLayer } from "./layer.ts";
import type { ImageLimits } from "./limits.ts";
import { quote } from "./manifest.ts";
import type { PlannedFile, SitePlan } from "./site-plan.ts";
import { syncAll } from "./sync.ts";

const directoryMode = 0o755;
/** No setuid, setgid or sticky bits, no writing for others; the hook itself has to be able to read and delete it. */
const maximumMode = 0o755;
const minimumMode = 0o600;

/** Neither through a link nor over anything that is there. */
const creating = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Writes the plan into `folder`, which must not be there yet, and has it all on the disk when it resolves. Links come
 * last, so that nothing is ever written through one.
 */
export async function writeSite(
  plan: SitePlan,
  layers: readonly LayerFile[],
  folder: string,
  limits: ImageLimits,
  signal: AbortSignal,
): Promise<void> {
  const folders = ["", ...plan.directories].map((path) => join(folder, path));
  for (const path of folders) {
    signal.throwIfAborted();
    await create(path, () => mkdir(path, { mode: directoryMode }));
    // Whatever the umask says: the server may be another user.
    await chmod(path, directoryMode);
  }
  const budget = budgetOf(limits);
  for (const [index, files] of Map.groupBy(plan.files, ({ node }) => node.layer)) {
    const layer = layers[index];
    if (layer !== undefined) await writeFiles(files, layer, folder, budget, signal);
  }
  for (const { path, target } of plan.links) {
    const file = join(folder, path);
    await create(file, () => symlink(target, file));
  }
  await syncAll(
    [...plan.files.map(({ paths: [path] }) => join(folder, path)), ...folders.toReversed()],
    signal,
  );
}

async function writeFiles(
  files: readonly PlannedFile[],
  layer: LayerFile,
  folder: string,
  budget: Budget,
  signal: AbortSignal,
): Promise<void> {
  const wanted = new Map(files.map((file) => [file.node.entry, file]));
  let index = -1;
  await readLayer(layer, budget, signal, async (_, content) => {
    index += 1;
    const file = wanted.get(index);
    if (file === undefined) return;
    wanted.delete(index);
    await writeFile(file, content, folder);
  });
  if (wanted.size > 0) throw new ImageError(`the layer ${layer.diffId} changed while it was read`);
}

async function writeFile(
  { node, paths }: PlannedFile,
  content: AsyncIterable<Buffer>,
  folder: string,
): Promise<void> {
  const [first, ...others] = paths.map((path) => join(folder, path));
  if (first === undefined) return;
  const mode = (node.mode & maximumMode) | minimumMode;
  const handle = await create(first, () => open(first, creating, mode));
  try {
    let writtenBytes = 0;
    for await (const chunk of content) {
      await handle.writeFile(chunk);
      writtenBytes += chunk.length;
    }
    if (writtenBytes !== node.sizeBytes) throw new ImageError(`${quote(first)} in the image is cut short`);
    await handle.chmod(mode);
    // A time of the future would be the Last-Modified of a page that cannot change.
    const seconds = Math.min(Math.max(node.mtimeMs, 0), Date.now()) / 1000;
    await handle.utimes(seconds, seconds);
  } finally {
    await handle.close();
  }
  for (const other of others) await create(other, () => link(first, other));
}

/** Something is there already only where the file system takes two different names for one. */
async function create<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new ImageError(`this file system takes ${quote(path)} for another name of the image`);
  }
}
