import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** A process of the demo: the server, or the hook. */
export interface Part {
  name: string;
  child: ChildProcess;
  log: string;
  /** Resolves when the process has ended, to how. */
  ended: Promise<string>;
}

/** Longer than either needs to drain. */
const stopTimeoutMs = 10_000;

/** Runs a source file of the repository. It leads a process group of its own, so that Ctrl-C reaches only us. */
export function startPart(name: string, program: string, args: string[], folder: string, log: string): Part {
  const output = openSync(log, "w");
  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), program, ...args], {
    cwd: folder,
    detached: true,
    stdio: ["ignore", output, output],
  });
  const ended = once(child, "exit").then(
    ([status, signal]) => (signal === null ? `status ${status}` : `signal ${signal}`),
    (error: Error) => error.message,
  );
  return { name, child, log, ended };
}

/** Waits for the first answer of a URL, as long as the process lives. */
export async function waitUntilReady(part: Part, url: string, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  let isAlive = true;
  part.ended.then(() => {
    isAlive = false;
  });
  while (isAlive && performance.now() < deadline) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(1000) }).catch(() => undefined);
    if (answer?.ok === true) return true;
    await sleep(50);
  }
  return false;
}

export async function stopPart({ child, ended }: Part): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
  await ended;
  clearTimeout(timer);
}

/** What a process said last, which is where the reason for its end is. */
export function lastWords({ log }: Part): string {
  const lines = readFileSync(log, "utf8").trimEnd().split("\n").slice(-8);
  return lines.map((line) => `  ${line}\n`).join("");
}
