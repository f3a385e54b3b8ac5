import {
  type Container,
  findContainer,
  type ListedContainer,
  listContainers,
} from "../../engine-api/containers.ts";
import type { Engine } from "../../engine-api/engine.ts";
import { labelNames, type Role, roleIn } from "./slot.ts";

/** What is in a slot, each container told by its name. */
export interface Family {
  slot: string;
  /** What has the slot's name. */
  holder: Container | undefined;
  /** What was to follow it, when somebody did not come to the end. */
  next: Container | undefined;
  /** Replaced ones, the last replaced first. */
  kept: readonly Container[];
}

interface Call {
  signal: AbortSignal;
}

export async function readFamily(engine: Engine, slot: string, { signal }: Call): Promise<Family> {
  const members = membersOf(slot, await listContainers(engine, { signal }));
  const inspect = (ids: readonly string[]) =>
    Promise.all(ids.map((id) => findContainer(engine, id, { signal }))).then((found) =>
      found.filter((one) => one !== undefined),
    );
  const [holders, nexts, kept] = await Promise.all([
    inspect(members.holder),
    inspect(members.next),
    inspect(members.old),
  ]);
  const byEnd = kept.toSorted((a, b) => Date.parse(b.State.FinishedAt) - Date.parse(a.State.FinishedAt));
  return { slot, holder: holders[0], next: nexts[0], kept: byEnd };
}

/**
 * The ids of a slot's containers by role. A name alone makes none a member: it has our label, or one that has it came
 * after it.
 */
export function membersOf(
  slot: string,
  listed: readonly ListedContainer[],
): Record<Role | "holder", readonly string[]> {
  const labelled = listed.filter(({ Labels }) => Labels?.[labelNames.slot] === slot);
  const replaced = new Set(labelled.map(({ Labels }) => Labels?.[labelNames.replaces]));
  const members: Record<Role | "holder", string[]> = { holder: [], next: [], old: [] };
  for (const one of listed) {
    const role = roleIn(slot, plainName(one));
    const isOurs = labelled.includes(one) || replaced.has(one.Id);
    if (role === "holder" || (role !== undefined && isOurs)) members[role].push(one.Id);
  }
  return members;
}

/** Links give a container more names, which have a slash in them. */
export function plainName({ Names }: Pick<ListedContainer, "Names">): string {
  const names = (Names ?? []).map((name) => name.replace(/^\//, ""));
  return names.find((name) => !name.includes("/")) ?? "";
}

/** The slots in which a service has ever replaced something. */
export async function listSlots(engine: Engine, service: string, { signal }: Call): Promise<string[]> {
  const listed = await listContainers(engine, { labels: [`${labelNames.service}=${service}`], signal });
  return [...new Set(listed.flatMap(({ Labels }) => Labels?.[labelNames.slot] ?? []))];
}

/** Whether it was made to replace the holder, rather than being one that was kept. */
export function isMadeFor(next: Container, holder: Container): boolean {
  return next.Config.Labels?.[labelNames.replaces] === holder.Id;
}
