import {
  type Container,
  nameOf,
  removeContainer,
  renameContainer,
  setRestartPolicy,
  startContainer,
  stopContainer,
} from "../../engine-api/containers.ts";
import type { Engine } from "../../engine-api/engine.ts";
import { type AnonymousVolumes, findConflict } from "./copy.ts";
import { type Family, isMadeFor, readFamily } from "./family.ts";
import { type HealthPolicy, waitUntilHealthy } from "./health.ts";
import { labelNames, newName } from "./slot.ts";

export interface ReplaceSetting {
  order: "auto" | "start-first" | "stop-first";
  health: HealthPolicy;
  /** How long both run before the old one is stopped. */
  overlapMs: number;
  /** Instead of the container's own. */
  stopTimeoutMs: number | undefined;
  anonymousVolumes: AnonymousVolumes;
}

export interface Workplace {
  engine: Engine;
  setting: ReplaceSetting;
  signal: AbortSignal;
  log(line: string): void;
}

export type Mended =
  /** Nothing was left over; `holder` is the id of what has the slot's name. */
  | { kind: "clean"; holder: string }
  /** What was to follow has the slot's name now. */
  | { kind: "finished"; holder: string }
  /** What had the slot's name serves on, or again. */
  | { kind: "taken-back"; holder: string }
  /** There is nothing in the slot. */
  | { kind: "empty" };

/**
 * Brings a slot to an end that was left in the middle, by looking at what is there: it is how every replacement ends,
 * the good, the failed, and one whose process was killed between two steps. What serves goes on serving; a container
 * is removed only while another one has the slot's name.
 */
export async function mendSlot(
  slot: string,
  place: Workplace,
  /** What is known of the next one; found out when left out. */
  isNextGood?: boolean,
): Promise<Mended> {
  const family = await readFamily(place.engine, slot, place);
  const { holder, next } = family;
  if (next === undefined) return holder === undefined ? { kind: "empty" } : tidy(holder, family.kept, place);
  if (holder === undefined) return finish(family, next, place);
  // Both may run: then the old one is what is known to be good.
  if (holder.State.Running) return takeBack(holder, next, place);
  const isGood = isNextGood ?? (await isHealthy(next, place));
  return isGood ? finish(family, next, place) : takeBack(holder, next, place);
}

async function isHealthy(next: Container, { engine, setting, signal }: Workplace): Promise<boolean> {
  if (!next.State.Running) return false;
  return (await waitUntilHealthy(engine, next.Id, { policy: setting.health, signal })).isHealthy;
}

async function finish({ slot, holder, kept }: Family, next: Container, place: Workplace): Promise<Mended> {
  const { engine, signal } = place;
  // Stopped between the two renames, by a machine that went down for example.
  if (!next.State.Running) await startContainer(engine, next.Id, { signal });
  if (holder !== undefined) await clearName(slot, holder, place);
  await renameContainer(engine, next.Id, { name: slot, signal });
  for (const replaced of holder === undefined ? kept : [holder])
    await handOverRestarts(replaced, next, place);
  return { kind: "finished", holder: next.Id };
}

/** One of `--rm` is being removed since it stopped; a new name in the middle of that would keep it. */
async function clearName(slot: string, holder: Container, { engine, signal }: Workplace): Promise<void> {
  if (holder.HostConfig.AutoRemove) await removeContainer(engine, holder.Id, { signal });
  else await renameContainer(engine, holder.Id, { name: newName(slot, "old"), signal });
}

/**
 * With the policy `always` an Engine starts a stopped container when it starts itself. The new one has the policy
 * first: whatever happens in between, one of the two has it.
 */
async function handOverRestarts(
  from: Container,
  to: Container,
  { engine, signal, log }: Workplace,
): Promise<void> {
  const policy = from.HostConfig.RestartPolicy ?? {};
  const isNone = (name = "no") => name === "no" || name === "";
  if (isNone(policy.Name)) return;
  try {
    if (to.HostConfig.RestartPolicy?.Name !== policy.Name)
      await setRestartPolicy(engine, to.Id, { policy, signal });
    await setRestartPolicy(engine, from.Id, { policy: { Name: "no" }, signal });
  } catch (error) {
    log(`the restart policy of the replaced container stays ${policy.Name}: ${(error as Error).message}`);
  }
}

async function takeBack(holder: Container, next: Container, place: Workplace): Promise<Mended> {
  const { engine, signal, log } = place;
  const isOneOnly = findConflict(holder) !== undefined;
  const wasRunning = !isMadeFor(next, holder) || next.Config.Labels?.[labelNames.wasRunning] !== "no";
  const restart = async () => {
    if (holder.State.Running || !wasRunning) return;
    log(`starting ${nameOf(holder)} again`);
    await startContainer(engine, holder.Id, { signal });
  };
  if (isOneOnly) {
    await putAside(holder, next, place);
    await restart();
  } else {
    await restart();
    await putAside(holder, next, place);
  }
  return { kind: "taken-back", holder: holder.Id };
}

/** What was made for this replacement is removed; what was kept for going back to is kept on. */
async function putAside(holder: Container, next: Container, place: Workplace): Promise<void> {
  const { engine, signal, setting } = place;
  const { stopTimeoutMs, anonymousVolumes } = setting;
  // It may be at work on requests already. While nothing serves, there is no time for that.
  const hasTime = next.State.Running && holder.State.Running;
  const isMade = isMadeFor(next, holder);
  if (hasTime || !isMade) {
    const timeoutMs = holder.State.Running ? stopTimeoutMs : 0;
    await stopContainer(engine, next.Id, { timeoutMs, signal });
  }
  if (isMade) {
    await removeContainer(engine, next.Id, { withVolumes: anonymousVolumes === "renew", signal });
    return;
  }
  const slot = nameOf(holder);
  await renameContainer(engine, next.Id, { name: newName(slot, "old"), signal });
  await handOverRestarts(next, holder, place);
}

/**
 * Stops what was replaced and runs all the same, and has it stay so: an Engine that was started again starts what has
 * the policy `always`.
 */
async function tidy(holder: Container, kept: readonly Container[], place: Workplace): Promise<Mended> {
  const { engine, signal, log, setting } = place;
  if (!holder.State.Running) return { kind: "clean", holder: holder.Id };
  for (const one of kept) {
    await handOverRestarts(one, holder, place);
    if (!one.State.Running) continue;
    log(`stopping ${nameOf(one)}, which was replaced`);
    await stopContainer(engine, one.Id, { timeoutMs: setting.stopTimeoutMs, signal });
  }
  return { kind: "clean", holder: holder.Id };
}

/** Removes replaced containers but the last few. */
export async function pruneKept(
  slot: string,
  keep: number,
  { engine, signal, log, setting }: Workplace,
): Promise<void> {
  const { holder, kept } = await readFamily(engine, slot, { signal });
  if (holder?.State.Running !== true) return;
  for (const one of kept.slice(keep).filter(({ State }) => !State.Running)) {
    log(`removing ${nameOf(one)}, replaced at ${one.State.FinishedAt}`);
    await removeContainer(engine, one.Id, { withVolumes: setting.anonymousVolumes === "renew", signal });
  }
}
