// The hook as a process: arguments, exit status, signals. Importing this file runs it.
import packageJson from "../package.json" with { type: "json" };
import { parseArguments, usage } from "./arguments.ts";
import { type Config, loadConfig } from "./config/load.ts";
import { createHook, type Hook } from "./hook.ts";
import { StoreError } from "./store/database.ts";

const exitStatus = { failed: 1, wrongInput: 2 } as const;

await main();

async function main(): Promise<void> {
  const given = parseArguments(process.argv.slice(2));
  switch (given.kind) {
    case "help":
      return void process.stdout.write(usage);
    case "version":
      return void process.stdout.write(`${packageJson.version}\n`);
    case "wrong":
      return end(exitStatus.wrongInput, [given.problem, "see --help"]);
  }
  const loaded = loadConfig(given.config, process.env);
  if ("problems" in loaded) return end(exitStatus.wrongInput, loaded.problems);
  if (given.kind === "run") return run(loaded.config);
  const names = [...loaded.config.services.keys()].join(", ");
  process.stdout.write(`${given.config}: good; services: ${names}\n`);
}

async function run(config: Config): Promise<void> {
  // Whoever read the log may be gone; deployments matter more than their log.
  process.stdout.on("error", () => {});
  let hook: Hook;
  try {
    // Not pino's own destination: that writes behind the process's back, and loses or swaps lines at its end.
    hook = createHook(config, process.stdout);
    stopOnSignal(hook);
    await hook.start();
  } catch (error) {
    return end(exitStatus.failed, [explainStart(error, config)]);
  }
}

/** A second signal ends the process at once: the deployment is then taken up like after a crash. */
function stopOnSignal(hook: Hook): void {
  let isStopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(exitStatus.failed);
    isStopping = true;
    hook.app.log.info({ signal }, "stopping");
    hook
      .stop()
      .then(
        () => hook.app.log.info("stopped"),
        (error: unknown) => {
          hook.app.log.error({ err: error }, "stopping failed");
          process.exitCode = exitStatus.failed;
        },
      )
      .then(() => process.exit());
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

function explainStart(error: unknown, { listen }: Config): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const address = `${listen.host}:${listen.port}`;
  if (error instanceof StoreError) return `the store ${message}`;
  if (code === "EADDRINUSE")
    return `port ${listen.port} of ${listen.host} is in use: stop what listens there, or change \`listen\``;
  if (code === "EACCES") return `${address} may not be listened on: ports below 1024 need root`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return `${listen.host} is not an address of this machine: change \`listen\``;
  return message;
}

function end(status: number, lines: readonly string[]): void {
  process.stderr.write(lines.map((line) => `${line}\n`).join(""));
  process.exitCode = status;
  if (status === exitStatus.failed) process.exit();
}
