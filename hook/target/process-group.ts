import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** How long a program has between SIGTERM and SIGKILL. */
const killGraceMs = 2000;
const lookEveryMs = 25;

/** Ends everything in a process group: what listens gets the time to clean up, what does not is killed. */
export async function endGroup(group: number): Promise<void> {
  signalGroup(group, "SIGTERM");
  // Not the program alone is waited for: a shell dies at once, what it runs may have something to finish.
  if (await isGoneWithin(group, killGraceMs)) return;
  signalGroup(group, "SIGKILL");
  // Killed is not yet gone: the kernel takes a moment.
  await isGoneWithin(group, killGraceMs);
}

async function isGoneWithin(group: number, limitMs: number): Promise<boolean> {
  const startedMs = performance.now();
  while (isGroupAlive(group)) {
    if (performance.now() - startedMs > limitMs) return false;
    await sleep(lookEveryMs);
  }
  return true;
}

/** Signal 0 only asks. Returns whether there is anything left in the group that may be signalled. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

/** In a container without an init nobody buries orphans: what is dead but not buried is not alive. */
function isGroupAlive(group: number): boolean {
  return signalGroup(group, 0) && membersOf(group)?.length !== 0;
}

/** What the kernel says of a process (proc(5), /proc/PID/stat). */
interface ProcessState {
  pid: number;
  group: number;
  /** In clock ticks since the machine's start: a number that is used again has another one. */
  startTime: string;
}

/** `undefined` where there is no /proc. */
function membersOf(group: number): ProcessState[] | undefined {
  return listProcesses()?.filter((state) => state.group === group);
}

function listProcesses(): ProcessState[] | undefined {
  try {
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return pids.map((pid) => readProcess(Number(pid))).filter((state) => state !== undefined);
  } catch {
    return undefined;
  }
}

/** `undefined` when it is gone, dead but not buried, or there is no /proc. */
function readProcess(pid: number): ProcessState | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The second field is the program's name in parentheses, which may hold anything, spaces and parentheses included.
  const [state, , group, ...rest] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  if (state === "Z" || state === "X") return undefined;
  return { pid, group: Number(group), startTime: rest[16] ?? "" };
}

/** What is enough to find a process group again, and to be sure that it is the same one. */
export interface GroupIdentity {
  group: number;
  startTime: string;
  boot: string;
}

/** `undefined` where there is no /proc, and when the process has ended already. */
export function identifyGroup(leader: number): GroupIdentity | undefined {
  const found = readProcess(leader);
  const boot = readBoot();
  return found === undefined || boot === undefined
    ? undefined
    : { group: leader, startTime: found.startTime, boot };
}

function readBoot(): string | undefined {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return undefined;
  }
}

/**
 * The processes of a group that was identified by an earlier process. When its leader has ended, the others are known
 * by an environment variable that all of them got.
 */
export function findGroup({ group, startTime, boot }: GroupIdentity, mark: string): number[] {
  if (readBoot() !== boot) return [];
  const members = membersOf(group) ?? [];
  const leader = members.find(({ pid }) => pid === group);
  if (leader !== undefined) return leader.startTime === startTime ? members.map(({ pid }) => pid) : [];
  const pids = members.map(({ pid }) => pid);
  return pids.length > 0 && pids.every((pid) => hasMark(pid, mark)) ? pids : [];
}

/** The groups of all processes that have an environment variable, wherever they have got to since. */
export function findMarkedGroups(mark: string): number[] {
  const marked = listProcesses()?.filter(({ pid }) => hasMark(pid, mark)) ?? [];
  return [...new Set(marked.map(({ group }) => group))];
}

function hasMark(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(mark);
  } catch {
    return false;
  }
}
