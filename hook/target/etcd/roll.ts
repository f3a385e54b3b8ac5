import type { News } from "../../etcd-api/follow.ts";
import type { Places } from "./places.ts";
import { type Progress, parseProgress, parseRelease } from "./record.ts";

/** Everything that is known of one release on its way over the machines. */
export interface RollState {
  places: Places;
  name: string;
  /** Of the release that is followed. */
  id: string;
  /** The id of the release that etcd has. */
  current: string | undefined;
  registered: Set<string>;
  progress: Map<string, Progress>;
}

/** Where a roll is. */
export type RollVerdict =
  | { kind: "going" }
  | { kind: "converged" }
  | { kind: "failed"; failed: readonly Progress[] }
  /** Somebody has written another release. */
  | { kind: "superseded" };

export function emptyRoll(places: Places, name: string, id: string): RollState {
  return { places, name, id, current: id, registered: new Set(), progress: new Map() };
}

/** Takes in what etcd tells; answers what is worth a line in the log. */
export function absorb(state: RollState, news: News): string[] {
  if (news.kind === "changes") {
    return news.changes.flatMap((change) =>
      change.kind === "put" ? put(state, change.entry.key, change.entry.value) : remove(state, change.key),
    );
  }
  const gone = [...state.registered].filter(
    (machine) => !news.entries.some(({ key }) => key === state.places.machine(machine)),
  );
  if (!news.entries.some(({ key }) => key === state.places.release(state.name))) state.current = undefined;
  return [
    ...gone.flatMap((machine) => remove(state, state.places.machine(machine))),
    ...news.entries.flatMap(({ key, value }) => put(state, key, value)),
  ];
}

function put(state: RollState, key: string, value: string): string[] {
  const { places, name, id } = state;
  if (key === places.release(name)) {
    state.current = parseRelease(value)?.id;
    return [];
  }
  const machine = machineIn(places, key);
  if (machine !== undefined) {
    if (state.registered.has(machine)) return [];
    state.registered.add(machine);
    return state.progress.size > 0 ? [`${machine}: is there`] : [];
  }
  const progress = key.startsWith(places.progressOf(name).key) ? parseProgress(value) : undefined;
  if (progress?.release !== id) return [];
  const before = state.progress.get(progress.machine);
  state.progress.set(progress.machine, progress);
  const isNews = before?.state !== progress.state || before.line !== progress.line;
  return isNews ? [`${progress.machine}: ${progress.line}`] : [];
}

function remove(state: RollState, key: string): string[] {
  const { places, name } = state;
  if (key === places.release(name)) state.current = undefined;
  const machine = machineIn(places, key);
  if (machine === undefined || !state.registered.delete(machine)) return [];
  const at = state.progress.get(machine)?.state ?? "nothing";
  if (at === "converged" || at === "failed") return [];
  return at === "replacing"
    ? [`${machine}: its agent is gone in the middle of its turn; waiting for it`]
    : [`${machine}: its agent is gone; it takes the release when it is back`];
}

function machineIn({ machines }: Places, key: string): string | undefined {
  return key.startsWith(machines.key) ? key.slice(machines.key.length) : undefined;
}

/** Who is waited for: the machines that have an agent, and those whose agent was lost in the middle of its work. */
function awaited({ registered, progress }: RollState): string[] {
  const begun = [...progress.values()].filter(({ state }) => state === "replacing");
  return [...new Set([...registered, ...begun.map(({ machine }) => machine)])].sort();
}

export function judgeRoll(state: RollState): RollVerdict {
  const { progress, registered, current, id } = state;
  if (current !== id) return { kind: "superseded" };
  const failed = [...progress.values()].filter((one) => one.state === "failed");
  const isAtWork = [...progress.values()].some(
    (one) => one.state === "replacing" && registered.has(one.machine),
  );
  // Whoever is at work comes to an end first: what it has then is known.
  if (failed.length > 0) return isAtWork ? { kind: "going" } : { kind: "failed", failed };
  const machines = awaited(state);
  const isDone = machines.every((machine) => progress.get(machine)?.state === "converged");
  return isDone && machines.length > 0 ? { kind: "converged" } : { kind: "going" };
}

/** For a person who asks how far it came: `a: converged, b: waiting, c: nothing yet`. */
export function describeRoll(state: RollState): string {
  const machines = [...new Set([...awaited(state), ...state.progress.keys()])].sort();
  const states = machines.map(
    (machine) => `${machine}: ${state.progress.get(machine)?.state ?? "nothing yet"}`,
  );
  return states.length === 0 ? "no machine has an agent" : states.join(", ");
}

export function isTouched({ progress }: RollState): boolean {
  return [...progress.values()].some(
    ({ state, replaced, engine }) =>
      replaced > 0 || (state === "failed" && engine !== "unchanged") || state === "replacing",
  );
}
