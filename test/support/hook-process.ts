/** The hook as a process of its own, as an operator starts it. */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Environment } from "../../hook/config/load.ts";
import { compileCache } from "./command-line.ts";
import { dockerHubBody, postWebhook, secretOf, until } from "./hook.ts";

const main = resolve(import.meta.dirname, "../../hook/main.ts");

export interface Ended {
  status: number | null;
  signal: NodeJS.Signals | null;
  output: string;
  errors: string;
}

export interface HookProcess {
  child: ChildProcess;
  output(): string;
  /** Where it listens, once it does. */
  origin(): string;
  push(service: string, tag: string): Promise<Response>;
  ended: Promise<Ended>;
}

/** Starts `hook/main.ts` with the given arguments. */
export function spawnHook(args: readonly string[], environment: Environment = {}): HookProcess {
  const child = spawn(process.execPath, [main, ...args], {
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
  const ended = new Promise<Ended>((end) => {
    child.once("close", (status, signal) => end({ status, signal, output, errors }));
  });
  const origin = () => /Server listening at (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1] ?? "";
  return {
    child,
    ended,
    origin,
    output: () => output + errors,
    push: (service, tag) =>
      postWebhook(`${origin()}/hooks/${service}/${secretOf(service)}`, dockerHubBody(`stut/${service}`, tag)),
  };
}

/** Starts it with a config in a folder, and waits until it listens. */
export async function startHookProcess(
  folder: string,
  yaml: string,
  environment?: Environment,
): Promise<HookProcess> {
  const file = join(folder, "hook.yaml");
  writeFileSync(file, yaml);
  const hook = spawnHook(["--config", file], environment);
  void hook.ended.then(({ errors }) => process.stderr.write(errors));
  // One that a busy machine keeps from listening would keep the test from ending.
  await until("the hook listens", () => hook.origin() !== "" || hook.child.exitCode !== null, 60_000).catch(
    (error: unknown) => {
      hook.child.kill("SIGKILL");
      throw error;
    },
  );
  return hook;
}
