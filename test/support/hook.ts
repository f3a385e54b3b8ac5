/** A hook for tests: in this process, on a port picked free, with its config and store in a folder of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Config, type Environment, parseConfig } from "../../hook/config/load.ts";
import { createHook, type Hook, type HookOptions } from "../../hook/hook.ts";
import { type Deployment, isEnded } from "../../hook/store/deployment.ts";

export const secret = "blog-secret-0123456789";
export const apiToken = "api-token-0123456789";
/** Of the token that may do everything. */
export const adminToken = "admin-token-0123456789";

export interface TestHook extends Hook {
  origin: string;
  folder: string;
  /** What was logged so far, one JSON object a line. */
  log(): string;
  /** Sends Docker Hub's webhook for a tag to the service `blog`. */
  push(tag: string, options?: { service?: string; image?: string }): Promise<Response>;
  /** Waits until a deployment has ended. */
  untilEnded(id: number, timeoutMs?: number): Promise<Deployment>;
  logOf(id: number): string;
}

export interface TestHookOptions {
  environment?: Environment;
  /** Instead of a new one: for a hook that is started again. */
  folder?: string;
  /** Limits of the API's event streams that a test need not wait for. */
  eventStreams?: HookOptions["eventStreams"];
  /** Pauses between the tries of a notification that a test need not wait for. */
  notifications?: HookOptions["notifications"];
  /** How Docker Hub's callbacks get to a server of the test's. */
  callbacks?: HookOptions["callbacks"];
  /** For routes that only a test has. */
  beforeStart?(hook: Hook): void;
}

/** Starts a hook whose config is the given YAML, in a folder that is deleted when it stops. */
export async function startHook(yaml: string, options: TestHookOptions = {}): Promise<TestHook> {
  const folder = options.folder ?? temporaryFolder();
  const lines: string[] = [];
  const logStream = { write: (line: string) => void lines.push(line) };
  const { eventStreams = {}, notifications = {}, callbacks = {} } = options;
  const config = readConfig(yaml, folder, options.environment);
  const hook = createHook(config, logStream, { eventStreams, notifications, callbacks });
  options.beforeStart?.(hook);
  await hook.start();
  const { port } = hook.app.server.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  return {
    ...hook,
    origin,
    folder,
    log: () => lines.join(""),
    push: (tag, { service = "blog", image = "stut/blog" } = {}) =>
      postWebhook(`${origin}/hooks/${service}/${secretOf(service)}`, dockerHubBody(image, tag)),
    untilEnded: (id, timeoutMs = 60_000) => untilEnded(hook, id, timeoutMs),
    logOf: (id) =>
      hook.store
        .readLog(id)
        .map(({ line }) => line)
        .join("\n"),
    async stop() {
      await hook.stop();
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "statigo-hook-"));
}

export function readConfig(yaml: string, folder: string, environment: Environment = process.env): Config {
  const result = parseConfig(yaml, join(folder, "hook.yaml"), environment);
  if ("problems" in result) throw new Error(result.problems.join("\n"));
  return result.config;
}

/** Each service has its own, made from its name. */
export function secretOf(service: string): string {
  return `${service}-secret-0123456789`;
}

/** A config with these services; each value is the YAML of a target. */
export function configOf(targets: Readonly<Record<string, string>>, more = ""): string {
  const services = Object.entries(targets).map(
    ([name, target]) =>
      `  ${name}:\n    image: stut/${name}\n    secret: ${secretOf(name)}\n    target: ${target}\n`,
  );
  return [
    "listen: 127.0.0.1:0",
    "store: ./hook.db",
    `api: { tokens: [${tokenEntry("test", apiToken, "read")}, ${tokenEntry("root", adminToken, "admin")}] }`,
    more,
    "services:",
    ...services,
  ].join("\n");
}

/** An entry of `api.tokens`; with services, it is for those only. */
export function tokenEntry(name: string, token: string, scope: string, services?: readonly string[]): string {
  return JSON.stringify({ name, token, scopes: [scope], ...(services && { services }) });
}

/** A command target that runs a shell script; JSON is YAML. */
export function script(text: string, more: object = {}): string {
  return JSON.stringify({ command: { run: ["/bin/sh", "-c", text], ...more } });
}

export function dockerHubBody(image: string, tag: string): string {
  const [namespace, name] = image.split("/");
  const repository = { repo_name: image, namespace, name, date_created: 1690000000 };
  return JSON.stringify({ push_data: { tag, pushed_at: 1700000000, pusher: "ci" }, repository });
}

export function postWebhook(url: string, body: string): Promise<Response> {
  return fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body });
}

async function untilEnded({ store }: Hook, id: number, timeoutMs: number): Promise<Deployment> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = store.find(id);
    if (found !== undefined && isEnded(found)) return found;
    if (Date.now() > deadline) throw new Error(`deployment ${id} is ${found?.state} after ${timeoutMs} ms`);
    await sleep(10);
  }
}

/** Waits for something that another process or a timer brings about. */
export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`${what}: not after ${timeoutMs} ms`);
    await sleep(10);
  }
}
