/** `npm start` as a newcomer types it, on free ports and with a folder of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isOnPath } from "../../build/setup.ts";

/** Why the curl that npm start prints cannot be run here, or false: to be given to `skip`. */
export const curlMissing = isOnPath("curl") ? false : "curl is not installed: apt-get install curl";

export const repository = resolve(import.meta.dirname, "../..");

export interface Demo {
  /** Everything it has printed so far. */
  output: () => string;
  /** Sends a signal to npm and all it runs, as a terminal does on Ctrl-C. */
  signal: (signal: NodeJS.Signals) => void;
  ended: Promise<number | null>;
  /** Ends it if it still runs, and removes its folder. */
  dispose: () => Promise<void>;
}

export function startDemo(environment: Record<string, string>): Demo {
  const folder = mkdtempSync(join(tmpdir(), "statigo-demo-"));
  const child = spawn("npm", ["start"], {
    cwd: repository,
    env: { ...process.env, DEMO_FOLDER: folder, ...environment },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
  }
  const ended = once(child, "close").then(([status]) => status as number | null);
  const signal = (name: NodeJS.Signals) => {
    if (child.pid !== undefined) process.kill(-child.pid, name);
  };
  const dispose = async () => {
    if (child.exitCode === null && child.signalCode === null) signal("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return { output: () => text, signal, ended, dispose };
}

/** Asks again and again until the answer is not undefined; a demo takes seconds to start, a release one or two. */
export async function eventually<Value>(
  what: string,
  ask: () => Promise<Value | undefined> | Value | undefined,
  timeoutMs = 60_000,
): Promise<Value> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    const value = await ask();
    if (value !== undefined) return value;
    await sleep(50);
  }
  throw new Error(`${what}: not within ${timeoutMs} ms`);
}

/** The command that the demo prints to be pasted, as it stands there. */
export function printedCurl(output: string): string | undefined {
  return /^curl [\s\S]*?(?=\n\n)/m.exec(output)?.[0];
}
