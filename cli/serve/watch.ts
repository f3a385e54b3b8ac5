import { once } from "node:events";
import { realpathSync, statSync } from "node:fs";
import { relative, sep } from "node:path";
import { watch as watchFiles } from "chokidar";

/** A build writes many files: they are told together once none was written for so long, … */
const quietMs = 100;
/** … or so much has gone by. */
const atMostMs = 1000;
const rootCheckMs = 500;

export interface Watch {
  /** From then on no change is missed. */
  ready: Promise<unknown>;
  close(): Promise<void>;
}

/**
 * Follows what is in a folder, also where the folder is taken away and made anew, or is a link that is switched.
 * @param onTouched at each change, at once
 * @param onChanges after some, with the paths below the folder; without any where it is another folder now
 */
export function watchFolder(
  folder: string,
  onTouched: () => void,
  onChanges: (paths: readonly string[]) => void,
): Watch {
  let identity = identify(folder);
  let changed = new Set<string>();
  let firstMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let watcher = follow();

  function follow() {
    const root = identity.path;
    const started = watchFiles(root, {
      ignoreInitial: true,
      ignored: (path) => isIgnored(relative(root, path)),
    });
    // A file that goes away between being listed and being watched is a change like others.
    started.on("all", (_event, path) => note(relative(root, path))).on("error", () => note(""));
    return started;
  }

  function note(path: string): void {
    onTouched();
    if (changed.size === 0) firstMs = performance.now();
    changed.add(path);
    clearTimeout(timer);
    timer = setTimeout(tell, Math.max(0, Math.min(quietMs, firstMs + atMostMs - performance.now())));
  }

  function tell(): void {
    const paths = [...changed];
    changed = new Set();
    onChanges(paths);
  }

  const rootCheck = setInterval(() => {
    const now = identify(folder);
    if (now.inode === 0 || (now.path === identity.path && now.inode === identity.inode)) return;
    identity = now;
    void watcher.close();
    watcher = follow().on("ready", () => note(""));
    note("");
  }, rootCheckMs);

  return {
    ready: once(watcher, "ready"),
    async close() {
      clearInterval(rootCheck);
      clearTimeout(timer);
      await watcher.close();
    },
  };
}

/** Inode 0 stands for a folder that is not there now. */
function identify(folder: string): { path: string; inode: number } {
  try {
    const path = realpathSync(folder);
    return { path, inode: statSync(path).ino };
  } catch {
    return { path: folder, inode: 0 };
  }
}

/** What is never part of a page, and may be very much. */
function isIgnored(path: string): boolean {
  return path.split(sep).some((name) => name === "node_modules" || name === ".git");
}
