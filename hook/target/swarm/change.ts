import type { Engine } from "../../engine-api/engine.ts";
import { EngineError } from "../../engine-api/error.ts";
import { insist } from "../../engine-api/insist.ts";
import {
  findService,
  type ServiceSpec,
  type SwarmService,
  updateService,
} from "../../engine-api/services.ts";
import { imageOf } from "./spec.ts";

/** What a service is to be changed to. */
export interface Change {
  /** From what the service is now: called again when somebody else has changed it. */
  makeSpec(service: SwarmService): Promise<ServiceSpec>;
  headers: Readonly<Record<string, string>>;
  log(line: string): void;
  signal: AbortSignal;
}

const maximumRaces = 5;

/** The whole spec is sent, so it is read again whenever somebody else was faster. */
export async function changeService(engine: Engine, service: SwarmService, change: Change): Promise<void> {
  const { headers, signal, log, makeSpec } = change;
  let current: SwarmService | undefined = service;
  for (let races = 1; ; races++) {
    const spec = await makeSpec(current).catch((error: unknown) => {
      throw withoutEffect(error);
    });
    try {
      await updateService(engine, current, { spec, headers, signal });
      return;
    } catch (error) {
      if (isUnsure(error)) return judgeUnanswered(error, engine, service, (now) => isSame(now, spec), change);
      if (!isOutOfSequence(error)) throw error;
      if (races >= maximumRaces) throw lostRaces(error, current.Spec.Name);
      log(`${current.Spec.Name} was changed by somebody else meanwhile (try ${races} of ${maximumRaces})`);
    }
    current = await findService(engine, service.ID, { signal });
    if (current === undefined) throw gone(service.Spec.Name, engine);
  }
}

export type Force = (service: SwarmService, signal: AbortSignal) => Promise<void>;

/** Has somebody else replace a service's tasks; of an order whose answer was lost, the count of them tells. */
export async function forceService(
  engine: Engine,
  service: SwarmService,
  force: Force,
  { log, signal }: Pick<Change, "log" | "signal">,
): Promise<void> {
  const isTaken = (now: ServiceSpec) => countForces(now) > countForces(service.Spec);
  try {
    await force(service, signal);
  } catch (error) {
    if (isOutOfSequence(error)) throw withoutEffect(error);
    if (!isUnsure(error)) throw error;
    await judgeUnanswered(error, engine, service, isTaken, { log, signal });
  }
}

function countForces({ TaskTemplate }: ServiceSpec): number {
  return TaskTemplate.ForceUpdate ?? 0;
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
  isTaken: (now: ServiceSpec) => boolean,
  { log, signal }: Pick<Change, "log" | "signal">,
): Promise<void> {
  const now = await insist(() => findService(engine, ID, { signal }), { log, signal }).catch(() => {
    throw error;
  });
  if (now !== undefined && isTaken(now.Spec)) {
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
  return imageOf({ Spec: a }) === imageOf({ Spec: b }) && countForces(a) === countForces(b);
}

function lostRaces({ said }: EngineError, name: string): EngineError {
  const message = `the service ${name} kept being changed by somebody else (${said}): find out who does it`;
  return new EngineError(message, { said, isTemporary: true, hasNoEffect: true });
}

function gone(name: string, { where }: Engine): EngineError {
  const message = `somebody has removed the service ${name} from the swarm at ${where}`;
  return new EngineError(message, { isTemporary: false, hasNoEffect: true });
}
