import type { Engine } from "../../engine-api/engine.ts";
import { EngineError } from "../../engine-api/error.ts";
import { listNodes, type SwarmNode, type Task } from "../../engine-api/services.ts";

/** What a node has taken with it. */
export interface Lost {
  /** Their ids. */
  tasks: readonly string[];
  /** In words, for a reader who asks what is waited for. */
  words: string;
}

/** A swarm's states, in their order, before a task runs. */
const beforeRunning = new Set(["new", "pending", "assigned", "accepted", "preparing", "ready", "starting"]);

/**
 * Tasks that were still to come up when their node went down. The swarm has given them up, and may have put others in
 * their place; its update waits for these very ones all the same, for the 24 hours after which it forgets them. The
 * node that comes back makes it go back, for then they have failed.
 */
export async function findLost(
  engine: Engine,
  tasks: readonly Task[],
  signal: AbortSignal,
): Promise<Lost | undefined> {
  const givenUp = tasks.filter(isGivenUp);
  if (givenUp.length === 0) return undefined;
  try {
    return lostOf(givenUp, await listNodes(engine, { signal }));
  } catch (error) {
    // It is asked again a moment later, and this is only about why nothing goes on.
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}

function isGivenUp({ DesiredState, Status }: Task): boolean {
  return DesiredState === "shutdown" && beforeRunning.has(Status.State);
}

/** A node that is up may still tell how its tasks ended. */
export function lostOf(tasks: readonly Task[], nodes: readonly SwarmNode[]): Lost | undefined {
  const down = new Map(
    nodes
      .filter(({ Status }) => Status?.State === "down")
      .map(({ ID, Description }) => [ID, Description?.Hostname ?? ID]),
  );
  const lost = tasks.filter((task) => isGivenUp(task) && down.has(task.NodeID ?? ""));
  if (lost.length === 0) return undefined;
  const names = [...new Set(lost.map(({ NodeID = "" }) => down.get(NodeID)))].sort().join(" and ");
  const what = lost.length === 1 ? "a task" : `${lost.length} tasks`;
  const which = names.includes(" and ") ? "which are" : "which is";
  return { tasks: lost.map(({ ID }) => ID), words: `the swarm waits for ${what} on ${names}, ${which} down` };
}
