/** Programs of Debian packages (build/debian.ts), started by tests on loopback. */
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { debianPackages } from "../../build/debian.ts";
import { isOnPath } from "../../build/setup.ts";

/** Why tests that need the package cannot run, or false when they can. */
export function missingPackage(name: string, program: string): string | false {
  if (isOnPath(program)) return false;
  const known = debianPackages.some((one) => one.name === name);
  return `${program} is not installed: ${known ? "npm test installs it, or " : ""}apt-get install ${name}`;
}

export interface RunningProgram {
  child: ChildProcess;
  said(): string;
  /** Ends it at once and waits until it is gone. */
  kill(): Promise<void>;
}

export function startProgram(program: string, args: readonly string[], directory?: string): RunningProgram {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], cwd: directory });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      said = `${said}${chunk}`.slice(-8000);
    });
  }
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", (error) => {
      said += error.message;
      resolve();
    });
  });
  return {
    child,
    said: () => said,
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Waits until the program does what is asked of it; ends it when it never does. */
export async function waitUntilReady(
  running: RunningProgram,
  isReady: () => Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    if (await isReady().catch(() => false)) return;
    if (Date.now() > deadline || running.child.exitCode !== null) {
      await running.kill();
      throw new Error(`${running.child.spawnfile} did not become ready:\n${running.said()}`);
    }
    await sleep(50);
  }
}
