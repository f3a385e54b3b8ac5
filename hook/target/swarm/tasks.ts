import { findContainer, healthWords } from "../../engine-api/containers.ts";
import type { Engine } from "../../engine-api/engine.ts";
import { listNodes, readTaskWords, type SwarmService, type Task } from "../../engine-api/services.ts";

/** How many tasks run an image, of how many that are to run. */
export function countTasks(
  { Spec }: Pick<SwarmService, "Spec">,
  tasks: readonly Task[],
  image: string,
): { ready: number; wanted: number } {
  const meant = tasks.filter(({ DesiredState }) => DesiredState === "running");
  const ready = meant.filter(
    ({ Status, Spec: { ContainerSpec } }) => Status.State === "running" && ContainerSpec?.Image === image,
  ).length;
  const replicas = Spec.Mode?.Replicated ? (Spec.Mode.Replicated.Replicas ?? 1) : undefined;
  // Start-first has more tasks than replicas for a while.
  return { ready, wanted: replicas ?? meant.length };
}

/** Whether no task of an image is still on its way: what is begun anew then takes those that there are. */
export function areAllUp(tasks: readonly Task[], image: string): boolean {
  return tasks
    .filter(({ Spec }) => Spec.ContainerSpec?.Image === image)
    .every(
      ({ DesiredState, Status }) => !/^(?:ready|running)$/.test(DesiredState) || Status.State === "running",
    );
}

/** What went wrong with a task, in the swarm's words; `undefined` when nothing did. */
export function problemOf({ Status: { Err: error = "", State } }: Pick<Task, "Status">): string | undefined {
  if (error !== "") return error.replace(/\s+/g, " ").slice(0, 300);
  // One that its health check has had stopped and that ended in order, too: swarm does not tell them apart.
  return State === "complete" ? "its container ended with status 0" : undefined;
}

/** What went wrong with tasks that failed: `undefined` when none did. */
export async function explainTasks(engine: Engine, tasks: readonly Task[]): Promise<string | undefined> {
  const told = tasks.toSorted((a, b) => timeOf(b) - timeOf(a));
  const [last] = told;
  if (last === undefined) return undefined;
  const problem = problemOf(last);
  const often = told.filter((task) => problemOf(task) === problem).length;
  const signal = AbortSignal.timeout(explanationMs);
  const [node, health, words] = await Promise.all([
    nameOfNode(engine, last.NodeID, signal),
    lastHealth(engine, last, signal),
    lastWords(engine, last.ID, signal),
  ]);
  return [
    problem,
    node === undefined ? "" : ` on ${node}`,
    often > 1 ? ` (${often} tasks)` : "",
    health === undefined ? "" : `; ${health}`,
    words === undefined ? "" : `; its last words: ${words}`,
  ].join("");
}

/** A node that is gone does not give its logs, and takes its time for it. */
const explanationMs = 3000;

function timeOf({ Status }: Task): number {
  return Date.parse(Status.Timestamp ?? "") || 0;
}

async function nameOfNode(
  engine: Engine,
  id: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (id === undefined || id === "") return undefined;
  const nodes = await listNodes(engine, { signal }).catch(() => []);
  return nodes.find(({ ID }) => ID === id)?.Description?.Hostname;
}

/** Only the Engine that ran the container knows: the one that is asked, or another. */
async function lastHealth(
  engine: Engine,
  { Status }: Task,
  signal: AbortSignal,
): Promise<string | undefined> {
  const id = Status.ContainerStatus?.ContainerID ?? "";
  if (id === "") return undefined;
  const container = await findContainer(engine, id, { signal }).catch(() => undefined);
  const health = container?.State.Health;
  if (health?.Status !== "unhealthy") return undefined;
  const said = healthWords(health);
  return `its health check failed${said === "" ? "" : `: ${said}`}`;
}

async function lastWords(engine: Engine, id: string, signal: AbortSignal): Promise<string | undefined> {
  const words = await readTaskWords(engine, id, { signal }).catch(() => []);
  return words.at(-1)?.slice(0, 200);
}
