import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Runs the work while no other process of this machine does work under the same name. The lock is a listening socket in
 * Linux's abstract namespace: it leaves no file, and the kernel frees it however its holder ends.
 */
export async function withLock<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  const unlock = await lock(name);
  try {
    return await work();
  } finally {
    await unlock();
  }
}

async function lock(name: string): Promise<() => Promise<void>> {
  for (;;) {
    const unlock = await tryLock(name);
    if (unlock !== undefined) return unlock;
    await sleep(100);
  }
}

function tryLock(name: string): Promise<(() => Promise<void>) | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(undefined) : reject(error),
    );
    server.listen(`\0statigo-test-${name}`, () => {
      resolve(() => new Promise((closed) => server.close(() => closed())));
    });
  });
}
