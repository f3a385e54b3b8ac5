import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";

/** As many as libuv has threads for. */
const syncsAtOnce = 4;

/** Nothing tells whether a rename reaches the disk before what it renames. */
export async function syncAll(paths: readonly string[], signal?: AbortSignal): Promise<void> {
  const rest = paths.values();
  const work = async () => {
    for (const path of rest) {
      signal?.throwIfAborted();
      await syncPath(path);
    }
  };
  await Promise.all(Array.from({ length: syncsAtOnce }, work));
}

export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The entry of a file or link in its folder. */
export function syncEntry(path: string): Promise<void> {
  return syncPath(dirname(path));
}
