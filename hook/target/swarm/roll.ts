import type { Engine } from "../../engine-api/engine.ts";
import { EngineError } from "../../engine-api/error.ts";
import { insist } from "../../engine-api/insist.ts";
import {
  findService,
  listNodes,
  listTasks,
  type ServiceSpec,
  type SwarmService,
} from "../../engine-api/services.ts";
import { beginAnew } from "./begin-anew.ts";
import { changeService, type Force, forceService } from "./change.ts";
import { type Following, followUpdate, type Wanted } from "./follow.ts";
import {
  countUsableNodes,
  findCrowding,
  imageOf,
  type Order,
  type PinnedImage,
  withForce,
  withImage,
  withRollout,
} from "./spec.ts";

export interface RollSetting {
  image: PinnedImage;
  order: Order;
  monitorMs: number;
  /** What the swarm does with a rollout that fails: one that goes back has nothing to go back to. */
  failureAction: "rollback" | "pause";
  headers: Readonly<Record<string, string>>;
  /** Instead of a change of the spec. */
  force?: Force | undefined;
  log(line: string): void;
  /** Aborted when the time for it is over. */
  signal: AbortSignal;
}

export type Rolled =
  | Following
  /** Nothing was changed. */
  | { kind: "refused"; reason: string; isTemporary: boolean }
  /** Whether it was changed is not known. */
  | { kind: "unknown"; reason: string; isTemporary: boolean };

/** Brings one service to an image, and follows it until it has come to an end. Never throws what an Engine did. */
export async function rollService(
  engine: Engine,
  service: SwarmService,
  setting: RollSetting,
): Promise<Rolled> {
  const { Name: name } = service.Spec;
  const { image: pinned, log, signal } = setting;
  const image = pinned.reference;
  let isBegun = false;
  let isTaken = false;
  try {
    const earlierTasks = new Set(
      (await listTasks(engine, { service: service.ID, signal })).map(({ ID }) => ID),
    );
    const next = setting.force === undefined ? decideNext(service, image) : "change";
    if (next === "has it") return { kind: "converged", how: `${name}: it runs it already`, hadIt: true };
    isBegun = true;
    const wanted = { id: service.ID, name, image, earlierTasks };
    if (next === "follow") {
      log(`${name}: the swarm is at work on ${image} already`);
      isTaken = true;
      return await followOn(engine, { ...wanted, earlierTasks: new Set() }, setting);
    }
    log(`${name}: ${imageOf(service)} → ${image}`);
    if (setting.force === undefined)
      await changeService(engine, service, {
        ...setting,
        makeSpec: (current) => nextSpec(engine, current, setting),
      });
    else await forceService(engine, service, setting.force, setting);
    isTaken = true;
    if (setting.force !== undefined) {
      const read = () => findService(engine, service.ID, { signal });
      // What the tag is by now, only the one who has pulled it knows.
      wanted.image = imageOf((await insist(read, setting)) ?? service);
    }
    return await followOn(engine, wanted, setting);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const { message: reason, isTemporary, hasNoEffect } = error;
    // That a question had no effect says nothing of the change before it.
    return { kind: isTaken || (isBegun && !hasNoEffect) ? "unknown" : "refused", reason, isTemporary };
  }
}

/** Follows it, over nodes that take its tasks with them. What is rolled as it says itself, or by Portainer, is left so. */
async function followOn(engine: Engine, wanted: Wanted, setting: RollSetting): Promise<Following> {
  const lostTasks = new Set<string>();
  for (;;) {
    const followed = await followUpdate(engine, { ...wanted, lostTasks }, setting);
    const isOurs = setting.order !== "spec" && setting.force === undefined;
    if (followed.kind !== "stranded" || !isOurs) return followed;
    setting.log(`${followed.reason}; beginning it anew with the tasks that are up`);
    await beginAnew(engine, wanted, setting);
    for (const id of followed.tasks) lostTasks.add(id);
  }
}

/** An update that an earlier process has asked for is not asked for again; one that stopped half-way is. */
export function decideNext(service: SwarmService, image: string): "has it" | "follow" | "change" {
  if (imageOf(service) !== image) return "change";
  const state = service.UpdateStatus?.State;
  if (state === "updating") return "follow";
  if (state === "paused" || isBackHalfWay(service)) return "change";
  // A tag without a digest may be another image by now, and only new tasks find out.
  return image.includes("@") ? "has it" : "change";
}

/** The swarm was rolling it back, and has not come to the end of it. */
export function isBackHalfWay({ UpdateStatus }: Pick<SwarmService, "UpdateStatus">): boolean {
  return /^rollback_(?:started|paused)$/.test(UpdateStatus?.State ?? "");
}

async function nextSpec(engine: Engine, service: SwarmService, setting: RollSetting): Promise<ServiceSpec> {
  const { image, order, monitorMs, failureAction, signal, log } = setting;
  const changed = withImage(service.Spec, image);
  const spec = imageOf(service) === image.reference ? withForce(changed) : changed;
  if (order === "spec") return spec;
  const chosen = await chooseOrder(engine, service, order, signal);
  if (chosen.why !== undefined) log(`${service.Spec.Name}: stop-first, for ${chosen.why}`);
  return withRollout(spec, { order: chosen.order, failureAction, monitorMs });
}

export interface ChosenOrder {
  order: "start-first" | "stop-first";
  /** Why it is not start-first. */
  why?: string;
}

/** Start-first wherever a task has a place beside those that run; without one it would wait for ever. */
export async function chooseOrder(
  engine: Engine,
  { Spec }: SwarmService,
  order: Exclude<Order, "spec">,
  signal: AbortSignal,
): Promise<ChosenOrder> {
  if (order !== "auto") return { order };
  const why = findCrowding(Spec, countUsableNodes(await listNodes(engine, { signal })));
  return why === undefined ? { order: "start-first" } : { order: "stop-first", why };
}
