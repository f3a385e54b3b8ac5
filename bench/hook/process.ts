/** The bundled hook as an operator runs it, on a processor of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { serverCore } from "../machine.ts";

export const bundle = resolve(import.meta.dirname, "../../dist/hook.js");
/** As the image starts it (Dockerfile.hook). */
const nodeOptions = ["--optimize-for-size", "--max-semi-space-size=1"];
const environment = { MALLOC_ARENA_MAX: "1" };
export const services = Array.from({ length: 20 }, (_, index) => `service-${index}`);
export const apiToken = "bench-api-token-0123456789";

export function secretOf(service: string): string {
  return `${service}-secret-0123456789`;
}

/** All services but one are deployed by way of HTTP; that one starts a program. */
function configOf(enginePort: number): string {
  const target = (index: number) =>
    index === 0
      ? `{ command: { run: [sleep, "0.5"] } }`
      : `{ portainer: { serviceWebhook: "http://127.0.0.1:${enginePort}/api/webhooks/${index}" } }`;
  const lines = services.map(
    (name, index) =>
      `  ${name}: { image: acme/${name}, secret: ${secretOf(name)}, order: tag-number, target: ${target(index)} }`,
  );
  return [
    "listen: 127.0.0.1:0",
    "store: ./hook.db",
    `api: { tokens: [{ name: bench, token: ${apiToken}, scopes: [read] }] }`,
    "services:",
    ...lines,
    "",
  ].join("\n");
}

/** Takes half a second for everything, as an engine that asks its registry first. */
export async function startEngine(): Promise<{ port: number; stop(): void }> {
  const server = createServer((request, response) => {
    request.resume();
    setTimeout(() => response.writeHead(204).end(), 500).unref();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { port: (server.address() as AddressInfo).port, stop };
}

export interface RunningHook {
  origin: string;
  /** From the start of the process until it listens. */
  startMs: number;
  residentMegabytes(): number;
  highestMegabytes(): number;
  /** Of the hook itself, without the programs that it started. */
  processorMs(): number;
  stop(): Promise<void>;
}

export function makeFolder(parent: string, enginePort: number): string {
  const folder = mkdtempSync(join(parent, "hook-"));
  writeFileSync(join(folder, "hook.yaml"), configOf(enginePort));
  return folder;
}

export async function startHook(folder: string): Promise<RunningHook> {
  const startedMs = performance.now();
  const command = [
    "--cpu-list",
    String(serverCore),
    process.execPath,
    ...nodeOptions,
    bundle,
    "--config",
    "hook.yaml",
  ];
  const child = spawn("taskset", command, {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const origin = await untilListening(child);
  return {
    origin,
    startMs: performance.now() - startedMs,
    residentMegabytes: () => readStatus(child, "VmRSS") / 1000,
    highestMegabytes: () => readStatus(child, "VmHWM") / 1000,
    processorMs: () => readProcessorMs(child),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

async function untilListening(child: ChildProcess): Promise<string> {
  let output = "";
  let isListening = false;
  const origin = new Promise<string>((found, fail) => {
    child.once("exit", (status) => fail(new Error(`the hook ended with ${status}: ${output}`)));
    child.stdout?.on("data", (chunk) => {
      // Its log is read to the end, or it would have to wait; after the start nobody needs it.
      if (isListening) return;
      output += chunk;
      const at = /Server listening at (http:\/\/127\.0\.0\.1:\d+)/.exec(output)?.[1];
      if (at === undefined) return;
      isListening = true;
      found(at);
    });
  });
  return Promise.race([
    origin,
    sleep(60_000, undefined, { ref: false }).then(() =>
      Promise.reject(new Error("the hook does not listen")),
    ),
  ]);
}

/** In kB, which are 1024 bytes there. */
function readStatus({ pid }: ChildProcess, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024) / 1000;
}

/** utime and stime are fields 14 and 15, in hundredths of a second; the name before may hold anything. */
function readProcessorMs({ pid }: ChildProcess): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
