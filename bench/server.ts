/** A server under measurement: started on its own processor, and what the kernel says of it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { serverCore } from "./machine.ts";

const startTimeoutMs = 30_000;
const ticksPerSecond = 100;

export interface Memory {
  readonly residentBytes: number;
  /** The server's own: heap, stacks, written data. */
  readonly anonymousBytes: number;
  /** Of files, its executable and libraries above all, which the kernel can share and drop. */
  readonly fileBytes: number;
}

export class RunningServer {
  readonly child: ChildProcess;
  readonly port: number;

  constructor(child: ChildProcess, port: number) {
    this.child = child;
    this.port = port;
  }

  /** Microseconds of processor time since its start, of all its processes. */
  cpuMicroseconds(): number {
    const ticks = this.processes().map((pid) => {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      // The name stands in parentheses and may hold anything; utime, stime, cutime and cstime are fields 14 to 17.
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    });
    return (ticks.reduce((sum, each) => sum + each, 0) * 1_000_000) / ticksPerSecond;
  }

  memory(): Memory {
    const sums = { residentBytes: 0, anonymousBytes: 0, fileBytes: 0 };
    for (const pid of this.processes()) {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      const read = (name: string) =>
        Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024;
      sums.residentBytes += read("VmRSS");
      sums.anonymousBytes += read("RssAnon");
      sums.fileBytes += read("RssFile");
    }
    return sums;
  }

  /** nginx has a master and a worker. */
  private processes(): number[] {
    const found = [this.child.pid ?? 0];
    for (const pid of found) {
      for (const task of readdirSync(`/proc/${pid}/task`)) {
        const children = readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim();
        if (children !== "") found.push(...children.split(" ").map(Number));
      }
    }
    return found;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGTERM");
    const killer = setTimeout(() => this.child.kill("SIGKILL"), 3000);
    await ended;
    clearTimeout(killer);
  }
}

/** Starts a command on the server's processor, without waiting for it. @param stdout a descriptor, for its log */
export function spawnServer(
  command: readonly string[],
  port: number,
  stdout: number | "ignore",
): RunningServer {
  // Each process takes the machine's limit of descriptors as its own: thousands of connections are to come.
  const raise = 'ulimit -n "$(ulimit -Hn)"; exec "$@"';
  const words = ["-c", raise, "sh", "taskset", "--cpu-list", String(serverCore), ...command];
  const child = spawn("/bin/sh", words, { stdio: ["ignore", stdout, "ignore"] });
  return new RunningServer(child, port);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => socket.destroy() && resolve(true));
    socket.once("error", () => resolve(false));
  });
}

export async function waitUntilListening(server: RunningServer): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  while (!(await accepts(server.port))) {
    if (server.child.exitCode !== null || Date.now() > deadline) {
      await server.stop();
      throw new Error(`a server did not start: ${server.child.spawnargs.slice(7).join(" ")}`);
    }
    await sleep(5);
  }
}
