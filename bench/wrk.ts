/** Load by wrk, on the load's processor. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadCore } from "./machine.ts";
import type { RunningServer } from "./server.ts";

export interface Load {
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  readonly fields?: readonly string[];
  /** Several paths in turn instead of one. */
  readonly paths?: readonly string[];
  readonly workFolder: string;
}

export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly cpuMicrosecondsPerRequest: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const unitMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

/** wrk's own language; the requests are made once, so that making them costs no time. */
function scriptFor(paths: readonly string[]): string {
  return `local requests = {}
local next = 0
init = function()
  for _, path in ipairs({${paths.map((path) => JSON.stringify(path)).join(", ")}}) do
    requests[#requests + 1] = wrk.format("GET", path)
  end
end
request = function()
  next = next % #requests + 1
  return requests[next]
end
`;
}

function run(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const end = () => child.kill();
    process.once("exit", end);
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk) => {
      output += chunk;
    });
    child.once("error", reject);
    child.once("close", () => process.off("exit", end));
    child.once("close", (status) =>
      status === 0 ? resolve(output) : reject(new Error(`${command}: ${output}`)),
    );
  });
}

function read(output: string, pattern: RegExp): string[] {
  const match = pattern.exec(output);
  if (match === null) throw new Error(`wrk said something else: ${output}`);
  return match.slice(1);
}

/** A connection lost among ten thousand requests is no reason to throw the figure away. */
const toleratedErrors = 1e-4;

function checkAnswers(output: string, requests: number, expectsErrors: boolean): void {
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0);
  const [errorLine = "", ...counts] =
    /Socket errors: connect (\d+), read (\d+), write (\d+)/.exec(output) ?? [];
  const errors = counts.reduce((sum, count) => sum + Number(count), 0);
  if (requests === 0) throw new Error(`no answers: ${output}`);
  if (expectsErrors !== refused > 0) throw new Error(`${refused} of ${requests} answers were errors`);
  if (errors > requests * toleratedErrors) throw new Error(`${errorLine} of ${requests} requests`);
}

/** Loads the server and says what came out; `expectsErrors` where every answer is to be a 404. */
export async function runLoad(server: RunningServer, load: Load, expectsErrors = false): Promise<LoadResult> {
  const args = [
    "--threads",
    "1",
    "--connections",
    String(load.connections),
    "--duration",
    `${load.seconds}s`,
    "--latency",
  ];
  for (const field of load.fields ?? []) args.push("--header", field);
  if (load.paths !== undefined) {
    const script = join(load.workFolder, "paths.lua");
    writeFileSync(script, scriptFor(load.paths));
    args.push("--script", script);
  }
  const url = `http://127.0.0.1:${server.port}${load.path}`;
  const before = server.cpuMicroseconds();
  const output = await run("taskset", ["--cpu-list", String(loadCore), "wrk", ...args, url]);
  const cpuMicroseconds = server.cpuMicroseconds() - before;
  const [requests = "0"] = read(output, /(\d+) requests in /);
  const [perSecond = "0"] = read(output, /Requests\/sec:\s+([\d.]+)/);
  const latencyMs = (percentile: number) => {
    const [latency = "0", unit = "ms"] = read(output, new RegExp(`${percentile}%\\s+([\\d.]+)(us|ms|s|m)`));
    return Number(latency) * (unitMs[unit] ?? 1);
  };
  checkAnswers(output, Number(requests), expectsErrors);
  return {
    requestsPerSecond: Number(perSecond),
    cpuMicrosecondsPerRequest: cpuMicroseconds / Number(requests),
    p50Ms: latencyMs(50),
    p99Ms: latencyMs(99),
  };
}
