/** `statigo image …` in a folder and with a cache of its own, and sites for it. */
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { UsageError } from "../../cli/command.ts";
import { CommandError } from "../../cli/exit-status.ts";
import { run as runLine } from "../../cli/run.ts";
import { type CommandLine, startCommand } from "./command-line.ts";

export interface Ended {
  status: number | null;
  out: string;
  err: string;
}

export interface ImageCommand {
  folder: string;
  /** Its HOME and its temporary folder are in `folder`. */
  environment: Record<string, string>;
  /** As a process of its own. */
  start(...args: string[]): CommandLine;
  /** In this process, which is quicker; one at a time. */
  run(...args: string[]): Promise<Ended>;
  /** What has to succeed; answers what it printed. */
  must(...args: string[]): Promise<string>;
  /** Writes a site and answers its folder. */
  site(name: string, files: Readonly<Record<string, string | Buffer>>): string;
  /** What commands have left in the temporary folder. */
  leftovers(): string[];
  remove(): void;
}

export function createImageCommand(): ImageCommand {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "statigo-image-test-")));
  const temporary = join(folder, "tmp");
  mkdirSync(temporary);
  const environment: Record<string, string> = { HOME: folder, TMPDIR: temporary };
  const run = (...args: string[]) => withEnvironment(environment, () => runHere(["image", ...args]));
  return {
    folder,
    environment,
    start: (...args) => startCommand(["image", ...args], environment),
    run,
    async must(...args) {
      const { status, out, err } = await run(...args);
      if (status !== 0) throw new Error(`image ${args.join(" ")} ended with ${status}: ${err}`);
      return out.trim();
    },
    site(name, files) {
      const place = join(folder, name);
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(place, path)), { recursive: true });
        writeFileSync(join(place, path), content);
      }
      return place;
    },
    leftovers: () => readdirSync(temporary),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function withEnvironment<Result>(
  environment: Readonly<Record<string, string>>,
  work: () => Promise<Result>,
): Promise<Result> {
  const names = [...Object.keys(environment), "XDG_CACHE_HOME", "DOCKER_CONFIG", "SOURCE_DATE_EPOCH"];
  const before = names.map((name) => [name, process.env[name]] as const);
  for (const name of names) delete process.env[name];
  Object.assign(process.env, environment);
  try {
    return await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

async function runHere(args: readonly string[]): Promise<Ended> {
  const out = captureText(process.stdout);
  const err = captureText(process.stderr);
  try {
    const status = await runLine(args);
    return { status: status === "started" ? null : status, out: out.text(), err: err.text() };
  } catch (error) {
    const isKnown = error instanceof UsageError || error instanceof CommandError;
    if (!isKnown && !(error as object as { syscall?: string }).syscall) throw error;
    const status = error instanceof UsageError ? 2 : error instanceof CommandError ? error.status : 1;
    return { status, out: out.text(), err: `${err.text()}statigo: ${(error as Error).message}\n` };
  } finally {
    out.stop();
    err.stop();
  }
}

/** What is written as text; the test runner's own messages are bytes, and go their way. */
function captureText(stream: NodeJS.WriteStream): { text(): string; stop(): void } {
  const write = stream.write;
  let captured = "";
  stream.write = ((chunk: string | Uint8Array, ...rest: never[]) => {
    if (typeof chunk !== "string") return write.call(stream, chunk, ...rest);
    captured += chunk;
    return true;
  }) as typeof stream.write;
  return {
    text: () => captured,
    stop() {
      stream.write = write;
    },
  };
}
