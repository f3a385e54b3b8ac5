import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Fields } from "../config/fields.ts";
import { forEachLine } from "../lines.ts";
import type { Deployment } from "../store/deployment.ts";
import type { DeployContext, Outcome, Target, TargetKind, TargetSetting } from "./target.ts";

type Options = z.output<ReturnType<typeof schema>>;

/**
 * Runs a program: an argument list, never a shell's line, so that nothing of a webhook is ever read as a command.
 * It runs in the config file's directory; exit status 0 is success.
 */
export const command: TargetKind<Options> = { name: "command", schema, create };

const variableValue = z.union([z.string(), z.number(), z.boolean()]).transform(String);

function schema(fields: Fields) {
  return z.strictObject({
    run: z
      .array(z.string().regex(/^[^\0]*$/, "has a zero byte"))
      .min(1, "must name a program")
      .refine(([program]) => program !== "", "must name a program")
      .describe('the program and its arguments as a list, such as ["./deploy.sh", "--now"]'),
    environment: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "not a variable's name"), variableValue)
      .optional()
      .describe("more environment variables for the program"),
    timeout: fields.duration("how long the program may run", {
      default: "5m",
      minimum: "1s",
      maximum: "24h",
    }),
  });
}

/** What a program is told, one environment variable each. */
export const commandVariables: Readonly<Record<string, (deployment: Deployment) => string>> = {
  /** The service's name in the config. */
  STATIGO_SERVICE: ({ service }) => service,
  /** What to pull: repository and tag. */
  STATIGO_IMAGE: ({ image, tag }) => `${image}:${tag}`,
  /** The repository as the config has it. */
  STATIGO_REPOSITORY: ({ image }) => image,
  /** The tag that was pushed. */
  STATIGO_TAG: ({ tag }) => tag,
  /** The image's digest (`sha256:…`); empty when the sender does not tell it. */
  STATIGO_DIGEST: ({ digest }) => digest ?? "",
  /** The deployment's number in the hook's history. */
  STATIGO_DEPLOYMENT: ({ id }) => String(id),
  /** 1, or more when an earlier start was interrupted. */
  STATIGO_ATTEMPT: ({ attempt }) => String(attempt),
};

/** The rest of the hook's environment may hold its secrets: a program gets these, and what `environment` adds. */
const inheritedVariables = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR"];

function create({ run, environment = {}, timeout: timeoutMs }: Options, setting: TargetSetting): Target {
  const inherited = Object.fromEntries(inheritedVariables.map((name) => [name, setting.environment[name]]));
  const deploy = (deployment: Deployment, context: DeployContext) => {
    const told = Object.fromEntries(
      Object.entries(commandVariables).map(([name, of]) => [name, of(deployment)]),
    );
    const launch = {
      run,
      directory: setting.directory,
      environment: { ...inherited, ...environment, ...told },
    };
    return runCommand(launch, context);
  };
  return { name: "command", timeoutMs, deploy };
}

interface Launch {
  run: readonly string[];
  directory: string;
  environment: NodeJS.ProcessEnv;
}

/** How long a program has between SIGTERM and SIGKILL. */
const killGraceMs = 2000;
/** How long output is still read after the program's end: a child it left behind may hold the pipe open. */
const drainMs = 500;

async function runCommand({ run, directory, environment }: Launch, context: DeployContext): Promise<Outcome> {
  const [program = "", ...args] = run;
  if (context.signal.aborted) return { kind: "failed", reason: "stopped before the program was started" };
  // Its own process group, so that the time limit ends what the program started as well.
  const child = spawn(program, args, {
    cwd: directory,
    env: environment,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = Promise.all([child.stdout, child.stderr].map((stream) => forEachLine(stream, context.log)));
  let killed: Promise<void> | undefined;
  const kill = () => {
    killed = endGroup(child);
  };
  context.signal.addEventListener("abort", kill, { once: true });
  const end = await waitForEnd(child);
  context.signal.removeEventListener("abort", kill);
  await killed;
  await Promise.race([output, sleep(drainMs)]);
  child.stdout.destroy();
  child.stderr.destroy();
  if (killed !== undefined)
    return { kind: "failed", reason: `${program} did not end in time and was stopped` };
  return judge(end, program, directory);
}

type End = { error: NodeJS.ErrnoException } | { status: number } | { signal: string };

function waitForEnd(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ error }));
    child.once("exit", (status, signal) => resolve(status === null ? { signal: signal ?? "" } : { status }));
  });
}

async function endGroup(child: ChildProcess): Promise<void> {
  signalGroup(child, "SIGTERM");
  const lastMs = Date.now() + killGraceMs;
  // Not the program alone is waited for: a shell dies at once, what it runs may have something to finish.
  while (Date.now() < lastMs && signalGroup(child, 0)) await sleep(25);
  signalGroup(child, "SIGKILL");
}

/** Signal 0 only asks. Returns whether there is anything left in the group that may be signalled. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  try {
    return pid !== undefined && process.kill(-pid, signal);
  } catch {
    return false;
  }
}

function judge(end: End, program: string, directory: string): Outcome {
  if ("error" in end) return { kind: "failed", reason: explainSpawnError(end.error, program, directory) };
  if ("signal" in end) return { kind: "failed", reason: `${program} was ended by ${end.signal}` };
  if (end.status === 0) return { kind: "succeeded", summary: `${program} ended with status 0` };
  return { kind: "failed", reason: `${program} ended with status ${end.status}; its output is in the log` };
}

function explainSpawnError({ code }: NodeJS.ErrnoException, program: string, directory: string): string {
  if (code === "ENOENT") return `${program} was not found from ${directory}: check the path and the #! line`;
  if (code === "EACCES") return `${program} may not be run: is it executable (chmod +x)?`;
  return `${program} could not be started (${code})`;
}
