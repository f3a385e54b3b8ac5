import { setTimeout as sleep } from "node:timers/promises";
import { createRepeatLog } from "../../deploy/repeat-log.ts";
import type { Engine } from "../../engine-api/engine.ts";
import { EngineError } from "../../engine-api/error.ts";
import { findService, listTasks, type SwarmService, type Task } from "../../engine-api/services.ts";
import { findLost } from "./lost.ts";
import { imageOf } from "./spec.ts";
import { areAllUp, countTasks, explainTasks, problemOf } from "./tasks.ts";

export interface Wanted {
  /** The service's id. */
  id: string;
  name: string;
  image: string;
  /** The tasks that there were before the change: their errors are not its errors. */
  earlierTasks: ReadonlySet<string>;
  /** Those that a node has taken with it before, and that are waited for no more. */
  lostTasks?: ReadonlySet<string>;
}

export type Following =
  | { kind: "converged"; how: string /** Nothing had to be changed. */; hadIt?: true }
  /** The swarm has put the earlier one back by itself. */
  | { kind: "rolled-back"; reason: string }
  /** It will not go on by itself. */
  | { kind: "stuck"; reason: string }
  /** The same, for it waits for tasks that a node has taken with it; begun anew it would not. All others are up. */
  | { kind: "stranded"; reason: string; tasks: readonly string[] }
  /** Another change came on top of it, or the service is gone. */
  | { kind: "overtaken"; reason: string }
  /** The time was over while it still went on. */
  | { kind: "late"; reason: string };

export interface FollowContext {
  log(line: string): void;
  /** Aborted when the time for it is over, or when nobody wants to know any more. */
  signal: AbortSignal;
}

/** A rollout takes seconds; the swarm's own steps are about this far apart. */
const pollMs = 300;
/** Swarm sets no status where it finds nothing to replace; it sets one sooner than this where it does. */
const silenceMs = 3000;

/** Follows a change that a swarm has taken, until it has come to an end. */
export async function followUpdate(
  engine: Engine,
  wanted: Wanted,
  context: FollowContext,
): Promise<Following> {
  const lines = createRepeatLog(context.log);
  const startedMs = performance.now();
  const { signal } = context;
  let last = "it has not begun";
  // A swarm forgets failed tasks soon: what they told is kept from when it was seen.
  const failed = new Map<string, Task>();
  const end = async (result: Following) => {
    if (result.kind === "converged" || result.kind === "overtaken") return result;
    // The tasks were asked for before the service: what failed may have done so in between.
    const again = failed.size === 0 ? await look(engine, wanted, signal).catch(() => undefined) : undefined;
    if (again !== undefined && "tasks" in again) noteFailed(again.tasks, wanted, failed, lines.add);
    const why = await explainTasks(engine, [...failed.values()]);
    return why === undefined ? result : { ...result, reason: `${result.reason}: ${why}` };
  };
  try {
    while (!signal.aborted) {
      const seen = await look(engine, wanted, signal);
      if ("problem" in seen) lines.add(seen.problem);
      else {
        const elapsedMs = performance.now() - startedMs;
        noteFailed(seen.tasks, wanted, failed, lines.add);
        const judged = judge(seen.service, seen.tasks, wanted, elapsedMs);
        if (typeof judged !== "string") return await end(judged);
        const held = await judgeLost(engine, seen, wanted, signal);
        if (held !== undefined && typeof held !== "string") return await end(held);
        last = held === undefined ? judged : `${judged}; ${held}`;
        lines.add(`${wanted.name}: ${last}`);
      }
      await sleep(pollMs, undefined, { signal }).catch(() => {});
    }
  } finally {
    lines.end();
  }
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  return end({ kind: "late", reason: `${wanted.name} was not done after ${seconds} s: ${last}` });
}

interface Seen {
  service: SwarmService | undefined;
  tasks: readonly Task[];
}

/** A manager that is away for a moment leaves the others at work: only what will not change is thrown. */
async function look(
  engine: Engine,
  { id }: Wanted,
  signal: AbortSignal,
): Promise<Seen | { problem: string }> {
  try {
    const tasks = await listTasks(engine, { service: id, signal }).catch((error: unknown) => {
      // The tasks of a service that is gone.
      if (error instanceof EngineError && error.status === 404) return [];
      throw error;
    });
    return { service: await findService(engine, id, { signal }), tasks };
  } catch (error) {
    if (error instanceof EngineError && (error.isTemporary || signal.aborted))
      return { problem: error.message };
    throw error;
  }
}

/** What an update has come to, or in words how far it is. */
export function judge(
  service: SwarmService | undefined,
  tasks: readonly Task[],
  { name, image }: Pick<Wanted, "name" | "image">,
  elapsedMs: number,
): Following | string {
  if (service === undefined) return { kind: "overtaken", reason: `somebody has removed the service ${name}` };
  const { State: state, Message: message = "" } = service.UpdateStatus ?? {};
  const { ready, wanted } = countTasks(service, tasks, image);
  const progress = `${ready} of ${wanted} ${wanted === 1 ? "task runs" : "tasks run"} it`;
  switch (state) {
    case "rollback_completed":
      return { kind: "rolled-back", reason: `the swarm has rolled ${name} back` };
    case "rollback_paused":
      return { kind: "stuck", reason: `the swarm could not roll ${name} back either (${message})` };
    case "rollback_started":
      return `the swarm rolls it back (${message})`;
  }
  if (imageOf(service) !== image)
    return {
      kind: "overtaken",
      reason: `somebody else has changed ${name} to ${imageOf(service)} meanwhile`,
    };
  switch (state) {
    case "completed":
      return { kind: "converged", how: `${name}: ${progress}` };
    case "paused":
      return { kind: "stuck", reason: `the swarm has paused the update of ${name} (${message})` };
    case "updating":
      return progress;
  }
  if (wanted === 0) return { kind: "converged", how: `${name}: it has no tasks to run` };
  const isSettled = ready === wanted && elapsedMs >= silenceMs;
  return isSettled ? { kind: "converged", how: `${name}: ${progress}` } : progress;
}

/** What an update that is under way waits for in vain, or `undefined`; in words while something else may still come. */
async function judgeLost(
  engine: Engine,
  { service, tasks }: Seen,
  { name, earlierTasks, lostTasks }: Wanted,
  signal: AbortSignal,
): Promise<Following | string | undefined> {
  const state = service?.UpdateStatus?.State ?? "";
  if (service === undefined || !/^(?:updating|rollback_started)$/.test(state)) return undefined;
  const image = imageOf(service);
  const candidates = tasks.filter(
    ({ ID, Spec }) => Spec.ContainerSpec?.Image === image && !earlierTasks.has(ID) && !lostTasks?.has(ID),
  );
  const lost = await findLost(engine, candidates, signal);
  if (lost === undefined || !areAllUp(tasks, image)) return lost?.words;
  if (state === "updating")
    return {
      kind: "stranded",
      reason: `the update of ${name} does not end: ${lost.words}`,
      tasks: lost.tasks,
    };
  return { kind: "stuck", reason: `the swarm does not end rolling ${name} back: ${lost.words}` };
}

function noteFailed(
  tasks: readonly Task[],
  { name, image, earlierTasks }: Wanted,
  failed: Map<string, Task>,
  log: (line: string) => void,
): void {
  for (const task of tasks) {
    const problem = problemOf(task);
    const isOurs = task.Spec.ContainerSpec?.Image === image && !earlierTasks.has(task.ID);
    const known = failed.get(task.ID);
    if (!isOurs || problem === undefined || (known && problemOf(known) === problem)) continue;
    failed.set(task.ID, task);
    log(`${name}: a task failed: ${problem}`);
  }
}
