/**
 * Starts our server as a process of its own, on Node or as the native binary, on a free loopback port.
 * Every wire test runs against each runtime that is there.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePorts } from "./free-port.ts";

const root = resolve(import.meta.dirname, "../..");

export interface Runtime {
  readonly name: string;
  readonly command: readonly string[];
  /** Why it can't be tested here, or false. */
  readonly missing: string | false;
}

function native(name: string, file: string, script: string): Runtime {
  const path = join(root, file);
  return {
    name,
    command: [path],
    missing: existsSync(path) ? false : `${file} is not built: npm run ${script}`,
  };
}

export const nodeRuntime: Runtime = {
  name: "Node",
  command: [process.execPath, "--import", import.meta.resolve("tsx"), join(root, "server/main.ts")],
  missing: false,
};

export const nativeRuntime = native("native", "dist/native/statigo", "build:native");

export const sanitizedRuntime = native(
  "native with sanitizers",
  "dist/native/statigo-sanitize",
  "build:native -- --sanitize",
);

export const runtimes: readonly Runtime[] = [nodeRuntime, nativeRuntime, sanitizedRuntime];

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

export class ServerProcess {
  readonly child: ChildProcess;
  readonly port: number;
  stdout = "";
  stderr = "";

  constructor(child: ChildProcess, port: number) {
    this.child = child;
    this.port = port;
    child.stdout?.on("data", (chunk) => {
      this.stdout += chunk;
    });
    child.stderr?.on("data", (chunk) => {
      this.stderr += chunk;
    });
  }

  /** Sends the signal and waits for the end; gives the exit status, or the signal's name. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | string> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, "close");
      this.child.kill(signal);
      await ended;
    }
    return this.child.exitCode ?? String(this.child.signalCode);
  }

  /** Waits until the process has written a text to stdout. */
  async waitForStdout(text: string, timeoutMs = 30_000): Promise<void> {
    const until = Date.now() + timeoutMs;
    while (!this.stdout.includes(text)) {
      if (Date.now() > until)
        throw new Error(`no ${JSON.stringify(text)} on stdout within ${timeoutMs} ms: ${this.stdout}`);
      await sleep(10);
    }
  }
}

/** The process's environment without what would change the server's defaults. */
export function cleanEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { NOMAD_PORT_http: _port, STATIGO_SITE: _site, ...rest } = process.env;
  return { ...rest, ...extra };
}

/** Starts a runtime with flags and waits until it accepts connections; `-listen-addr` is added. */
export async function startServer(
  runtime: Runtime,
  flags: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<ServerProcess> {
  for (let tries = 1; ; tries++) {
    const server = await launch(runtime, flags, environment);
    if (await isUp(server)) return server;
    await server.stop("SIGKILL");
    // The port was free a moment ago; another test's connection may have been given it since.
    if (tries === 3 || !server.stderr.includes("EADDRINUSE")) {
      throw new Error(`${runtime.name} did not start: ${server.stderr}`);
    }
  }
}

async function launch(
  runtime: Runtime,
  flags: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<ServerProcess> {
  const [port = 0] = await freePorts(1);
  const [program = "", ...words] = runtime.command;
  const child = spawn(program, [...words, "-listen-addr", `127.0.0.1:${port}`, ...flags], {
    env: cleanEnvironment(environment),
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new ServerProcess(child, port);
}

/** Waits until it accepts connections; false where it ended or took too long. */
async function isUp({ child, port }: ServerProcess): Promise<boolean> {
  const until = Date.now() + 30_000;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > until) return false;
    await sleep(10);
  }
  return true;
}

/** Runs a runtime to its end, for flags that answer and exit. */
export async function runServer(
  runtime: Runtime,
  flags: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const [program = "", ...words] = runtime.command;
  const child = spawn(program, [...words, ...flags], {
    env: cleanEnvironment(environment),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const server = new ServerProcess(child, 0);
  await once(child, "close");
  return { status: child.exitCode, stdout: server.stdout, stderr: server.stderr };
}
