import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Fields } from "../config/fields.ts";
import { forEachLine } from "../http/lines.ts";
import type { Deployment } from "../store/deployment.ts";
import { endGroup, findGroup, findMarkedGroups, type GroupIdentity, identifyGroup } from "./process-group.ts";
import type { CheckResult, DeployContext, Outcome, Target, TargetKind, TargetSetting } from "./target.ts";

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
  const launch = (told: NodeJS.ProcessEnv) => ({
    run,
    directory: setting.directory,
    environment: { ...inherited, ...environment, ...told },
  });
  const deploy = (deployment: Deployment, context: DeployContext) => {
    const told = Object.entries(commandVariables).map(([name, of]) => [name, of(deployment)]);
    return runCommand(launch(Object.fromEntries(told)), context);
  };
  const check = async () => checkProgram(launch({}));
  return { name: "command", timeoutMs, deploy, check, recover };
}

interface Launch {
  run: readonly string[];
  directory: string;
  environment: NodeJS.ProcessEnv;
}

/** How long output is still read after the program's end: a child it left behind may hold the pipe open. */
const drainMs = 500;

async function runCommand({ run, directory, environment }: Launch, context: DeployContext): Promise<Outcome> {
  const [program = "", ...args] = run;
  // Written down before there is anything to find: a hook that is killed right after the start has left a trace.
  const mark = randomBytes(8).toString("hex");
  await keepNote({ mark }, context);
  if (context.signal.aborted) {
    return { kind: "failed", reason: "stopped before the program was started", engine: "unchanged" };
  }
  // Its own process group, so that the time limit ends what the program started as well.
  const child = spawn(program, args, {
    cwd: directory,
    env: { ...environment, [markVariable]: mark },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = Promise.all([child.stdout, child.stderr].map((stream) => forEachLine(stream, context.log)));
  const ended = waitForEnd(child);
  let killed: Promise<void> | undefined;
  const kill = () => {
    if (child.pid !== undefined) killed = endGroup(child.pid);
  };
  context.signal.addEventListener("abort", kill, { once: true });
  if (child.pid !== undefined) await keepNote({ mark, ...identifyGroup(child.pid) }, context);
  const end = await ended;
  context.signal.removeEventListener("abort", kill);
  await killed;
  await Promise.race([output, sleep(drainMs)]);
  child.stdout.destroy();
  child.stderr.destroy();
  // A note that stays is not believed: its group is not there any more. The outcome must not be lost for it.
  await context.remember(undefined).catch(() => {});
  if (killed !== undefined)
    return { kind: "failed", reason: `${program} did not end in time and was stopped` };
  return judge(end, program, directory);
}

/** By it a program is found whose number nobody has written down. */
const markVariable = "STATIGO_RUN";

interface Note extends Partial<GroupIdentity> {
  mark: string;
}

/** Losing the note is better than losing the deployment. */
async function keepNote(note: Note, { remember, log }: DeployContext): Promise<void> {
  await remember(JSON.stringify(note)).catch((error: Error) =>
    log(`the program's number is not kept: ${error.message}`),
  );
}

/** A hook that was killed leaves its program running: two of them at work on one thing would be worse than none. */
async function recover(note: string, deployment: Deployment, { log }: DeployContext): Promise<void> {
  const { mark, group, startTime, boot } = JSON.parse(note) as Note;
  const isKnown = group !== undefined && startTime !== undefined && boot !== undefined;
  const known = isKnown ? findGroup({ group, startTime, boot }, `STATIGO_DEPLOYMENT=${deployment.id}`) : [];
  const groups = new Set([
    ...(known.length > 0 && isKnown ? [group] : []),
    ...findMarkedGroups(`${markVariable}=${mark}`),
  ]);
  if (groups.size === 0) return;
  log(`ending what an earlier hook has left running (process group ${[...groups].join(", ")})`);
  await Promise.all([...groups].map(endGroup));
}

/** Without starting it: whether the program is there and may be run. */
function checkProgram({ run, directory, environment }: Launch): CheckResult {
  const [program = ""] = run;
  const folders = (environment["PATH"] ?? "").split(delimiter).map((folder) => resolve(directory, folder));
  const candidates = program.includes("/")
    ? [resolve(directory, program)]
    : folders.map((folder) => join(folder, program));
  const codes = candidates.map((file) => ({ file, code: problemWith(file) }));
  const found = codes.find(({ code }) => code === undefined);
  if (found !== undefined) return { ok: true, detail: `${found.file} may be run` };
  const code = codes.find((one) => one.code !== "ENOENT")?.code ?? "ENOENT";
  return { ok: false, problem: explainSpawnError({ code } as NodeJS.ErrnoException, program, directory) };
}

function problemWith(file: string): string | undefined {
  try {
    if (!statSync(file).isFile()) return "EACCES";
    accessSync(file, constants.X_OK);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

type End = { error: NodeJS.ErrnoException } | { status: number } | { signal: string };

function waitForEnd(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ error }));
    child.once("exit", (status, signal) => resolve(status === null ? { signal: signal ?? "" } : { status }));
  });
}

function judge(end: End, program: string, directory: string): Outcome {
  if ("error" in end) {
    return {
      kind: "failed",
      reason: explainSpawnError(end.error, program, directory),
      // The machine may have too many processes or files open; a path does not mend itself.
      isTemporary: ["EAGAIN", "EMFILE", "ENFILE", "ENOMEM"].includes(end.error.code ?? ""),
      engine: "unchanged",
    };
  }
  if ("signal" in end) return { kind: "failed", reason: `${program} was ended by ${end.signal}` };
  if (end.status === 0) {
    // What a program of the operator's own calls a success is one.
    return { kind: "succeeded", summary: `${program} ended with status 0`, isConverged: true };
  }
  return { kind: "failed", reason: `${program} ended with status ${end.status}; its output is in the log` };
}

function explainSpawnError({ code }: NodeJS.ErrnoException, program: string, directory: string): string {
  if (code === "ENOENT") return `${program} was not found from ${directory}: check the path and the #! line`;
  if (code === "EACCES") return `${program} may not be run: is it executable (chmod +x)?`;
  return `${program} could not be started (${code})`;
}
