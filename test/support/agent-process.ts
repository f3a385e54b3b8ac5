/** The agent as a process of its own, as an operator starts it. */
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { compileCache } from "./command-line.ts";

const main = resolve(import.meta.dirname, "../../hook/agent/main.ts");

export interface AgentProcess {
  /** What it has logged so far, one message a line. */
  log(): string;
  errors(): string;
  signal(name: NodeJS.Signals): void;
  ended: Promise<number | null>;
}

/** Ends with this process, even when that is killed. */
export function spawnAgent(args: readonly string[], environment: Record<string, string> = {}): AgentProcess {
  const child = spawn("setpriv", ["--pdeathsig", "KILL", process.execPath, main, ...args], {
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], ...compileCache, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", (status) => resolve(status)));
  return {
    ended,
    errors: () => errors,
    signal: (name) => void child.kill(name),
    log: () =>
      output
        .split("\n")
        .slice(0, -1)
        .map((line) => (JSON.parse(line) as { msg: string }).msg)
        .join("\n"),
  };
}
