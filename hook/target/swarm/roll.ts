import type { Engine } from "../../engine-api/engine.ts";
import { EngineError } from "../../engine-api/error.ts";
import { insist } from "../../engine-api/insist.ts";
import {
  findService,
  listNodes,
  listTasks,
  type ServiceSpec,
  type SwarmService,
  updateService,
} from "../../engine-api/services.ts";
import { type Following, followUpdate } from "./follow.ts";
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
  force?: ((service: SwarmService, signal: AbortSignal) => Promise<void>) | undefined;
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
      return await followUpdate(engine, { ...wanted, earlierTasks: new Set() }, { log, signal });
    }
    log(`${name}: ${imageOf(service)} → ${image}`);
    if (setting.force === undefined) await changeService(engine, service, setting);
    else await setting.force(service, signal);
    isTaken = true;
    if (setting.force !== undefined) {
      // What the tag is by now, only the one who has pulled it knows.
      wanted.image = imageOf((await findService(engine, service.ID, { signal })) ?? service);
    }
    return await followUpdate(engine, wanted, { log, signal });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const { message: reason, isTemporary, hasNoEffect } = error;
    // That a question had no effect says nothing of the change before it.
    return { kind: isTaken || (isBegun && !hasNoEffect) ? "unknown" : "refused", reason, isTemporary };
  }
}

/** An update that an earlier process has asked for is not asked for again; one that stopped half-way is. */
export function decideNext(service: SwarmService, image: string): "has it" | "follow" | "change" {
  if (imageOf(service) !== image) return "change";
  const state = service.UpdateStatus?.State;
  if (state === "updating") return "follow";
  if (state === "paused" || state === "rollback_paused") return "change";
  // A tag without a digest may be another image by now, and only new tasks find out.
  return image.includes("@") ? "has it" : "change";
}

const maximumRaces = 5;

/** The whole spec is sent, so it is read again whenever somebody else was faster. */
async function changeService(engine: Engine, service: SwarmService, setting: RollSetting): Promise<void> {
  const { headers, signal, log } = setting;
  let current: SwarmService | undefined = service;
  for (let races = 1; ; races++) {
    const spec = await nextSpec(engine, current, setting).catch((error: unknown) => {
      throw withoutEffect(error);
    });
    try {
      await updateService(engine, current, { spec, headers, signal });
      return;
    } catch (error) {
      if (isUnsure(error)) return judgeUnanswered(error, engine, service, spec, setting);
      if (!isOutOfSequence(error)) throw error;
      if (races >= maximumRaces) throw lostRaces(error, current.Spec.Name);
      log(`${current.Spec.Name} was changed by somebody else meanwhile (try ${races} of ${maximumRaces})`);
    }
    current = await findService(engine, service.ID, { signal });
    if (current === undefined) throw gone(service.Spec.Name, engine);
  }
}

/** 500 up to 20.10, something else since: the words have stayed. */
export function isOutOfSequence(error: unknown): error is EngineError {
  return error instanceof EngineError && /update out of sequence/i.test(error.said);
}

function isUnsure(error: unknown): error is EngineError {
  return error instanceof EngineError && error.isTemporary && !error.hasNoEffect && !isOutOfSequence(error);
}

/** Whether a change was taken whose answer was lost, the service tells: it is followed, or asked for once more. */
async function judgeUnanswered(
  error: EngineError,
  engine: Engine,
  { ID, Spec: { Name } }: SwarmService,
  sent: ServiceSpec,
  { log, signal }: RollSetting,
): Promise<void> {
  const now = await insist(() => findService(engine, ID, { signal }), { log, signal }).catch(() => {
    throw error;
  });
  if (now !== undefined && isSame(now.Spec, sent)) {
    log(`${error.message}; but ${Name} has the change`);
    return;
  }
  throw withoutEffect(error);
}

function withoutEffect(error: unknown): unknown {
  if (!(error instanceof EngineError)) return error;
  const { message, status, said, isTemporary } = error;
  const facts = { said, isTemporary, hasNoEffect: true };
  return new EngineError(message, { ...(status !== undefined && { status }), ...facts });
}

function isSame(a: ServiceSpec, b: ServiceSpec): boolean {
  return (
    imageOf({ Spec: a }) === imageOf({ Spec: b }) &&
    (a.TaskTemplate.ForceUpdate ?? 0) === (b.TaskTemplate.ForceUpdate ?? 0)
  );
}

function lostRaces({ said }: EngineError, name: string): EngineError {
  const message = `the service ${name} kept being changed by somebody else (${said}): find out who does it`;
  return new EngineError(message, { said, isTemporary: true, hasNoEffect: true });
}

function gone(name: string, { where }: Engine): EngineError {
  const message = `somebody has removed the service ${name} from the swarm at ${where}`;
  return new EngineError(message, { isTemporary: false, hasNoEffect: true });
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
