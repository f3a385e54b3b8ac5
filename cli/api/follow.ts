import { setTimeout as sleep } from "node:timers/promises";
import { type Client, UnreachableError } from "./client.ts";
import { NoStreamError, readEvents } from "./event-stream.ts";
import { type Deployment, type DeploymentLog, isEnded, type LogLine } from "./objects.ts";

export interface FollowListener {
  onState(deployment: Deployment): void;
  onLine(line: LogLine): void;
  /** The hook cannot be reached for the moment; it is tried again. */
  onTrouble(problem: string): void;
}

export interface FollowTimes {
  /** A hook that restarts, a network that comes and goes: only after this long it counts as gone. */
  patienceMs: number;
  pollMs: number;
  /** The hook begins a stream at once: what is silent for longer is held back by a proxy. */
  openingMs: number;
  idleMs: number;
}

export const followTimes: FollowTimes = {
  patienceMs: 120_000,
  pollMs: 1000,
  openingMs: 5000,
  idleMs: 45_000,
};

/** Tells what a deployment does until it has ended: by the hook's stream, or by asking where no stream comes through. */
export async function followDeployment(
  client: Client,
  id: number,
  listener: FollowListener,
  signal: AbortSignal,
  times: FollowTimes = followTimes,
): Promise<Deployment> {
  const place = { after: 0, state: "" };
  let isStreaming = true;
  let troubleSinceMs: number | undefined;
  for (;;) {
    try {
      const ended = isStreaming
        ? await readStream(client, id, place, listener, signal, times)
        : await poll(client, id, place, listener);
      if (ended !== undefined) return ended;
      troubleSinceMs = undefined;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof NoStreamError) isStreaming = false;
      else if (!isTemporary(error)) throw error;
      else {
        if (troubleSinceMs === undefined) listener.onTrouble(describeTrouble(error));
        troubleSinceMs ??= performance.now();
        if (performance.now() - troubleSinceMs > times.patienceMs) throw error;
        // Too many streams are refused as well: asking works all the same.
        isStreaming = false;
      }
    }
    await sleep(times.pollMs, undefined, { signal });
  }
}

/** Where the reader is. */
interface Place {
  after: number;
  state: string;
}

async function readStream(
  client: Client,
  id: number,
  place: Place,
  listener: FollowListener,
  signal: AbortSignal,
  { openingMs, idleMs }: FollowTimes,
): Promise<Deployment | undefined> {
  const opening = new AbortController();
  const timer = setTimeout(() => opening.abort(new NoStreamError()), openingMs);
  let ended: Deployment | undefined;
  try {
    const stream = await client.open(`api/deployments/${id}/log`, {
      query: { after: place.after },
      signal: AbortSignal.any([signal, opening.signal]),
    });
    await readEvents(stream, {
      idleMs,
      onEvent({ name, data }) {
        clearTimeout(timer);
        if (name === "state") showState(data as Deployment, place, listener);
        if (name === "line") showLine(data as LogLine, place, listener);
        if (name === "end") ended = data as Deployment;
        return ended === undefined;
      },
    });
  } finally {
    clearTimeout(timer);
  }
  return ended;
}

async function poll(
  client: Client,
  id: number,
  place: Place,
  listener: FollowListener,
): Promise<Deployment | undefined> {
  const { deployment, lines } = await client.get<DeploymentLog>(`api/deployments/${id}/log`, {
    after: place.after,
  });
  showState(deployment, place, listener);
  for (const line of lines) showLine(line, place, listener);
  return isEnded(deployment) ? deployment : undefined;
}

function showState(deployment: Deployment, place: Place, { onState }: FollowListener): void {
  const state = [deployment.state, deployment.waitingFor].join();
  if (state !== place.state) onState(deployment);
  place.state = state;
}

function showLine(line: LogLine, place: Place, { onLine }: FollowListener): void {
  if (line.sequence <= place.after) return;
  place.after = line.sequence;
  onLine(line);
}

export function describeTrouble(error: unknown): string {
  return error instanceof UnreachableError ? error.message : "the connection to the hook was lost";
}

/** A connection that breaks in the middle of an answer is a TypeError of fetch. */
export function isTemporary(error: unknown): boolean {
  return error instanceof UnreachableError || error instanceof TypeError || error instanceof NoStreamError;
}
