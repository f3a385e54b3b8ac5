/**
 * The tests' own Docker daemon. There is one for the whole machine, not one for a clone: two dockerds in one network
 * namespace delete each other's bridges, and ports published on 127.0.0.1 are only reached from a daemon in ours. So
 * every process that uses it is written down, and the last one to leave stops it. Its images are kept in /var/cache:
 * they survive the run and the clone, a clean clone starts warm, and anyone may delete them.
 */
import { execFile, spawn } from "node:child_process";
import { mkdirSync, openSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { askClients, onPath } from "./docker-client.ts";
import type { DaemonOrReason } from "./docker-daemon.ts";
import { withLock } from "./lock.ts";

const execute = promisify(execFile);
const dataFolder = "/var/cache/statigo-test/docker";
const stateFolder = "/run/statigo-test-docker";
const usersFolder = join(stateFolder, "users");
const pidFile = join(stateFolder, "dockerd.pid");
const logFile = join(stateFolder, "dockerd.log");
const ownHost = `unix://${stateFolder}/docker.sock`;

function whyNotStart(): string | undefined {
  if (process.getuid?.() !== 0)
    return "only root can start one: start Docker, join its group, or run as root";
  if (onPath("dockerd").length === 0) return "dockerd is not installed: apt-get install docker.io";
  const other = foreignDaemon();
  if (other === undefined) return undefined;
  return `another dockerd runs here (process ${other}), beside which a second one would break both: set DOCKER_HOST to it`;
}

function isOwnRunning(): boolean {
  return isDockerd(readTrimmed(pidFile) ?? "");
}

/** The process number of a dockerd in our network namespace; asked where the tests' own is not running. */
function foreignDaemon(): string | undefined {
  const namespace = readlinkSync("/proc/self/ns/net");
  return readdirSync("/proc").find((entry) => {
    if (!isDockerd(entry)) return false;
    try {
      return readlinkSync(`/proc/${entry}/ns/net`) === namespace;
    } catch {
      return false;
    }
  });
}

/** One that has ended but was not waited for keeps its name; its command line is empty. */
function isDockerd(pid: string): boolean {
  return readTrimmed(`/proc/${pid}/comm`) === "dockerd" && readTrimmed(`/proc/${pid}/cmdline`) !== "";
}

function readTrimmed(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Starts the daemon, or joins the others that use it. */
export function joinOwnDaemon(clients: readonly string[]): Promise<DaemonOrReason> {
  return withLock("docker", async () => {
    const obstacle = isOwnRunning() ? undefined : whyNotStart();
    return obstacle === undefined ? enter(clients) : { reason: obstacle };
  });
}

async function enter(clients: readonly string[]): Promise<DaemonOrReason> {
  mkdirSync(usersFolder, { recursive: true });
  const started = isOwnRunning() ? undefined : startDaemon();
  const answer = await firstAnswer(clients, started);
  if ("reason" in answer) {
    await stopDaemon();
    return { reason: `dockerd did not start: ${answer.reason}` };
  }
  const user = writeUser();
  const release = () => withLock("docker", () => leaveOwnDaemon(user, answer.client));
  return { ...answer, host: ownHost, release };
}

interface Started {
  ended: boolean;
}

function startDaemon(): Started {
  rmSync(pidFile, { force: true });
  const log = openSync(logFile, "w");
  const places = ["--data-root", dataFolder, "--exec-root", join(stateFolder, "exec"), "--pidfile", pidFile];
  const child = spawn("dockerd", [...places, "--host", ownHost], {
    // In a session of its own, so that a Ctrl-C for the tests lets them clean up first.
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
  });
  const started = { ended: false };
  for (const event of ["error", "exit"]) {
    child.once(event, () => {
      started.ended = true;
    });
  }
  child.unref();
  return started;
}

async function firstAnswer(clients: readonly string[], started: Started | undefined) {
  const deadline = performance.now() + 60_000;
  while (started?.ended !== true && performance.now() < deadline) {
    const answer = await askClients(clients, ownHost);
    // Asked once more: the daemon may have come up between the question of the first client and that of the second.
    if ("version" in answer) return askClients(clients, ownHost);
    await sleep(200);
  }
  const said = (readTrimmed(logFile) ?? "").split("\n").slice(-3).join(" | ");
  return { reason: `${said} (the whole log: ${logFile})` };
}

let written = 0;

function writeUser(): string {
  const user = join(usersFolder, `${process.pid}-${written++}`);
  writeFileSync(user, startOf(process.pid) ?? "");
  return user;
}

async function leaveOwnDaemon(user: string, client: string): Promise<void> {
  rmSync(user, { force: true });
  for (const other of readdirSync(usersFolder)) {
    const pid = Number.parseInt(other, 10);
    const file = join(usersFolder, other);
    // A killed test run could not say goodbye; its number may belong to another process by now.
    if (startOf(pid) !== readTrimmed(file)) rmSync(file, { force: true });
  }
  if (readdirSync(usersFolder).length > 0) return;
  await dropOldLeftovers(client);
  await stopDaemon();
}

/** Builds leave layers without a name, which make the next build fast; after a week they only take space. */
async function dropOldLeftovers(client: string): Promise<void> {
  const env = { ...process.env, DOCKER_HOST: ownHost };
  const prune = ["system", "prune", "--force", "--filter", "until=168h"];
  await execute(client, prune, { env, timeout: 60_000 }).catch(() => {});
}

/** When a process started, in clock ticks since boot: field 22 of proc(5), counted after the name in parentheses. */
function startOf(pid: number): string | undefined {
  return readTrimmed(`/proc/${pid}/stat`)?.split(") ").at(-1)?.split(" ")[19];
}

async function stopDaemon(): Promise<void> {
  const pid = readTrimmed(pidFile) ?? "";
  if (!isDockerd(pid)) return;
  process.kill(Number(pid), "SIGTERM");
  // It stops its containers first, for up to 15 s.
  const deadline = performance.now() + 60_000;
  while (isDockerd(pid) && performance.now() < deadline) await sleep(50);
}
