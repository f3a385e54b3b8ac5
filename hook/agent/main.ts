// The agent as a process: arguments, exit status, signals. Importing this file runs it.
import packageJson from "../../package.json" with { type: "json" };
import { startAgent } from "./agent.ts";
import { describeAgentUsage, parseAgentArguments } from "./arguments.ts";
import { checkAgent } from "./check.ts";
import { loadAgentSetting } from "./load.ts";
import type { AgentSetting } from "./setting.ts";

const exitStatus = { failed: 1, wrongInput: 2 } as const;

await main();

async function main(): Promise<void> {
  const given = parseAgentArguments(process.argv.slice(2), process.env);
  switch (given.kind) {
    case "help":
      return void process.stdout.write(describeAgentUsage());
    case "version":
      return void process.stdout.write(`${packageJson.version}\n`);
    case "wrong":
      return complain([given.problem, "see --help"]);
  }
  const loaded = loadAgentSetting(given.config, given.given, process.env);
  if ("problems" in loaded) return complain(loaded.problems);
  if (given.kind === "run") return run(loaded.setting);
  const parts = await checkAgent(loaded.setting, AbortSignal.timeout(15_000));
  process.stdout.write(parts.map(({ isGood, line }) => `${isGood ? "ok  " : "FAIL"}  ${line}\n`).join(""));
  process.exitCode = parts.every(({ isGood }) => isGood) ? 0 : exitStatus.failed;
}

/** A second signal ends the process at once: the turn then ends with its lease, and the next start mends the rest. */
function run(setting: AgentSetting): void {
  // Whoever read the log may be gone; the containers matter more than the log.
  process.stdout.on("error", () => {});
  const agent = startAgent(setting, writeLog);
  let isStopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(exitStatus.failed);
    isStopping = true;
    writeLog(`stopping (${signal})`);
    agent.stop().then(
      () => {
        writeLog("stopped");
        process.exit();
      },
      (error: Error) => {
        writeLog(`stopping failed: ${error.message}`);
        process.exit(exitStatus.failed);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

/** One JSON object a line, with the keys of the hook's log. */
function writeLog(msg: string): void {
  process.stdout.write(`${JSON.stringify({ level: 30, time: Date.now(), pid: process.pid, msg })}\n`);
}

function complain(lines: readonly string[]): void {
  process.stderr.write(lines.map((line) => `${line}\n`).join(""));
  process.exitCode = exitStatus.wrongInput;
}
