/** Shell lines as a reader types them, for the tests that execute documentation. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { eventually } from "./demo.ts";

const execute = promisify(execFile);

/** Replaces what a test has to, and fails when the snippet no longer has it. */
export function replace(text: string, replacements: Record<string, string>): string {
  return Object.entries(replacements).reduce((result, [from, to]) => {
    assert.ok(result.includes(from), `the snippet has no '${from}' any more`);
    return result.replaceAll(from, to);
  }, text);
}

export function shell(
  text: string,
  cwd: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<{ stdout: string }> {
  return execute("bash", ["-e", "-c", text], { cwd, env: environment, timeout: 600_000, maxBuffer: 2 ** 26 });
}

/** Runs a line that does not end by itself, until `isDone`, then ends it as Ctrl-C does. */
export async function shellUntil(
  text: string,
  cwd: string,
  environment: NodeJS.ProcessEnv,
  isDone: (output: string) => Promise<true | undefined> | true | undefined,
  end?: () => Promise<unknown>,
): Promise<void> {
  const child = spawn("bash", ["-e", "-c", text], { cwd, env: environment, detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
    });
  }
  const ended = once(child, "close");
  try {
    await eventually(`${text} does its work`, () => isDone(output), 300_000);
  } catch (error) {
    throw new Error(`${(error as Error).message}; it said:\n${output}`);
  } finally {
    if (end === undefined && child.pid !== undefined) process.kill(-child.pid, "SIGINT");
    await end?.();
    await ended;
  }
}
