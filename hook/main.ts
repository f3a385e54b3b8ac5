// The hook as a process: arguments, exit status, signals. Importing this file runs it.
import packageJson from "../package.json" with { type: "json" };
import { localAddress, unknownSecret, webhookUrls } from "./accept/webhook-url.ts";
import { parseArguments, usage } from "./arguments.ts";
import { checkParts, describeParts, isAllWell } from "./check.ts";
import { type Config, loadConfig } from "./config/load.ts";
import { createHook, type Hook } from "./hook.ts";
import { describeNewSecret } from "./secret/new-secret.ts";
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
    case "new":
      return printLines(describeNewSecret(given.secret, given.sha256));
  }
  const loaded = loadConfig(given.config, process.env);
  if ("problems" in loaded) return end(exitStatus.wrongInput, loaded.problems);
  switch (given.kind) {
    case "run":
      return run(loaded.config);
    case "url":
      return printUrls(loaded.config, given.service, given.base);
    case "check":
      return check(loaded.config, given);
  }
}

function printUrls(config: Config, service: string, base = config.publicUrl ?? localAddress(config)): void {
  const services = [...config.services.keys()];
  if (!services.includes(service)) {
    end(exitStatus.wrongInput, [`${config.file} has no service ${service}; it has ${services.join(", ")}`]);
    return;
  }
  const urls = webhookUrls(config, service, base, process.env);
  printLines(urls);
  if (urls.some((url) => url.endsWith(unknownSecret)))
    end(0, [`the config has only the secret's hash: put the secret itself where ${unknownSecret} stands`]);
}

async function check(config: Config, { offline, json }: { offline: boolean; json: boolean }): Promise<void> {
  const services = [...config.services.keys()];
  const parts = offline ? [] : await checkParts(config);
  const isGood = isAllWell(parts);
  if (json) printLines([JSON.stringify({ ok: isGood, config: config.file, services, parts }, null, 2)]);
  else printLines([`${config.file}: good; services: ${services.join(", ")}`, ...describeParts(parts)]);
  // Set and not called: what was printed may still be on its way through a pipe.
  process.exitCode = isGood ? 0 : exitStatus.failed;
}

function printLines(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(""));
}

async function run(config: Config): Promise<void> {
  // Whoever read the log may be gone; deployments matter more than their log.
  process.stdout.on("error", () => {});
  let hook: Hook;
  try {
    // Not pino's own destination: that writes behind the process's back, and loses or swaps lines at its end.
    hook = createHook(config, process.stdout);
    stopOnSignal(hook);
    reloadOnSignal(hook, config);
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

/** A config that is not good is refused as a whole: the hook goes on with the one it has. */
function reloadOnSignal(hook: Hook, { file, listen, storePath }: Config): void {
  const { log } = hook.app;
  process.on("SIGHUP", () => {
    const loaded = loadConfig(file, process.env);
    if ("problems" in loaded) {
      for (const problem of loaded.problems) log.error({ problem }, "a problem of the config");
      hook.keepConfig();
      return log.error("the config is not good: the one before stays");
    }
    const { config } = loaded;
    const isElsewhere = config.listen.host !== listen.host || config.listen.port !== listen.port;
    if (isElsewhere) log.warn("`listen` has changed: that needs a restart");
    if (config.storePath !== storePath) log.warn("`store` has changed: that needs a restart");
    hook.reload(config);
    log.info({ services: [...config.services.keys()] }, "the config was loaded again");
  });
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
