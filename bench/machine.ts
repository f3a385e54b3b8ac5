/** The machine that the figures hold for, and which of its processors does what. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { delimiter, join } from "node:path";

/** The server has a processor of its own; load, and this program, have another. */
export const serverCore = 0;
export const loadCore = availableParallelism() > 1 ? 1 : 0;

/** Servers stand in /usr/sbin, which is not on every user's PATH. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

export function firstLineOf(command: string, args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
  return `${stdout ?? ""}${stderr ?? ""}`.split("\n")[0]?.trim() ?? "";
}

/** This program makes load too: idle connections, downloads. */
export function moveToLoadCore(): void {
  spawnSync("taskset", ["--all-tasks", "--pid", "--cpu-list", String(loadCore), String(process.pid)]);
}

/** How many descriptors a process may open here. */
export function descriptorLimit(): number {
  const limits = readFileSync("/proc/self/limits", "utf8");
  return Number(/Max open files\s+(\d+)/.exec(limits)?.[1] ?? 1024);
}

export function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? "unknown processor";
  const memory = `${Math.round(totalmem() / 2 ** 30)} GB`;
  return `${cpus().length} × ${model}, ${memory}, Linux ${release()}, ${describeDistribution()}`;
}

function describeDistribution(): string {
  if (!existsSync("/etc/os-release")) return "unknown distribution";
  return /PRETTY_NAME="(.*)"/.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "unknown distribution";
}
