/** `statigo` as a process of its own, as a person types it. */
import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";

export const cliMain = resolve(import.meta.dirname, "../../cli/main.ts");

export interface CommandLine {
  child: ChildProcess;
  out(): string;
  err(): string;
  ended: Promise<{ status: number | null; out: string; err: string }>;
}

/** Taking the types out of the sources is most of what a short process does: 0.19 s of CPU become 0.08 s. */
export const compileCache = { NODE_COMPILE_CACHE: resolve(import.meta.dirname, "../../.cache/node-compile") };

type Environment = Readonly<Record<string, string | undefined>>;

/** Starts it with nothing in its environment but what is given. */
export function startCommand(
  args: readonly string[],
  environment: Environment = {},
  folder?: string,
): CommandLine {
  return start(process.execPath, [cliMain, ...args], environment, folder);
}

/** On a terminal of its own, this wide: `script` makes one. */
export function startOnTerminal(
  args: readonly string[],
  columns: number,
  environment: Environment = {},
): CommandLine {
  const words = [process.execPath, cliMain, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  const line = `stty cols ${columns} rows 24; exec ${words.join(" ")}`;
  return start("script", ["-qefc", line, "/dev/null"], { TERM: "xterm-256color", ...environment });
}

function start(
  file: string,
  args: readonly string[],
  environment: Environment,
  cwd = process.cwd(),
): CommandLine {
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], ...compileCache, ...environment };
  const child = spawn(file, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk) => {
    err += chunk;
  });
  const ended = new Promise<{ status: number | null; out: string; err: string }>((end, fail) => {
    child.once("error", fail);
    child.once("close", (status) => end({ status, out, err }));
  });
  return { child, ended, out: () => out, err: () => err };
}
