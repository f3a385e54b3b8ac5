import { setTimeout as sleep } from "node:timers/promises";
import type { Engine } from "../engine-api/engine.ts";
import { pauseAfter } from "../queue/retry.ts";
import type { ReadyImage } from "../target/docker/image.ts";
import type { Progress } from "../target/etcd/record.ts";
import {
  explainFailure,
  fetchImage,
  findOutdated,
  findUnfinished,
  finishSlot,
  hasContainers,
  replaceOne,
  type Task,
  taskOf,
} from "./machine.ts";
import { findFailure, type Order, type ReportTools, report, type Said, TurnLost } from "./report.ts";
import type { Session } from "./session.ts";
import type { AgentSetting } from "./setting.ts";
import type { Slots } from "./slots.ts";
import { type Turn, takeTurn } from "./turn.ts";

export interface AgentTools extends ReportTools {
  setting: AgentSetting;
  session: Session;
  slots: Slots;
  /** Ends what is under way on the Engine, which then goes back: the process has to leave. */
  stopSignal: AbortSignal;
}

/** Thrown to end the work with a report of it. */
class Failed extends Error {
  readonly facts: Partial<Progress>;
  constructor(line: string, facts: Partial<Progress>) {
    super(line);
    this.facts = facts;
  }
}

/** Another machine has failed: this one does not begin. */
class LeftAlone extends Error {}

/**
 * Brings one release onto this machine: pulls it at once, waits for this machine's turn, replaces its containers one
 * by one, and says so. `signal` is aborted when there is a newer release, and when the process stops.
 */
export async function carryOut(tools: AgentTools, order: Order, signal: AbortSignal): Promise<void> {
  const job: Job = { ...tools, order, signal, replaced: 0 };
  await work(job).catch((error: unknown) => sayWhy(job, error));
}

/** How it ended otherwise than well, where that is no bug. */
async function sayWhy(job: Job, error: unknown): Promise<void> {
  if (job.stopSignal.aborted) await sayInterrupted(job);
  else if (error instanceof LeftAlone) await say(job, "waiting", error.message);
  else if (error instanceof Failed)
    await say(job, "failed", error.message, { ...error.facts, ...engineOf(job, error) });
  else throw error;
}

/** What a step that failed has left unchanged is not all, when others have come before it. */
function engineOf({ replaced }: Job, { facts: { engine = "unknown" } }: Failed): Pick<Progress, "engine"> {
  return { engine: replaced > 0 && engine === "unchanged" ? "changed" : engine };
}

interface Job extends AgentTools {
  order: Order;
  signal: AbortSignal;
  /** How many containers this machine has replaced. */
  replaced: number;
}

function say(job: Job, state: Said["state"], line: string, more: Partial<Said> = {}): Promise<void> {
  const { order, signal, replaced } = job;
  return report(job, order, { state, line, replaced, ...more }, signal);
}

/** The next start of this agent begins it again. */
async function sayInterrupted(job: Job): Promise<void> {
  const line = "its agent was stopped: the next start goes on";
  const signal = AbortSignal.timeout(2_000);
  await report(job, job.order, { state: "interrupted", line, replaced: job.replaced }, signal).catch(
    () => {},
  );
}

async function work(job: Job): Promise<void> {
  const { order, signal, log } = job;
  const { tag, kind } = order.record;
  const task = taskOf(order.record, job.setting);
  if ("problem" in task) throw new Failed(task.problem, { engine: "unchanged" });
  const engine = await surely(job, () => task.plan.connect(signal));
  const isHere = await surely(job, () => hasContainers(task, engine, signal));
  // Most machines of a fleet have none of most sites: they pull nothing, and say one word.
  if (!isHere) return say(job, "converged", "has no container of it");
  const failure = await findFailure(job, order, signal);
  if (failure !== undefined) {
    log(`${order.name}: ${tag} has failed on ${failure.machine}: it is left alone`);
    return;
  }
  await say(job, "pulling", `${kind === "rollback" ? "looking for" : "pulling"} ${tag}`);
  const image = await surely(job, () => job.slots(() => fetchImage(task, engine, { signal, log })));
  const site: Site = { task, engine, image };
  const unfinished = await surely(job, () => findUnfinished(task, engine, signal));
  const found = await surely(job, () => findOutdated(task, engine, image, signal));
  if (found.outdated.length === 0 && unfinished.length === 0) {
    const line = `${describeCount(found.count)} ${tag} already`;
    return say(job, "converged", line, { containers: found.count });
  }
  await replaceInTurn(job, site);
}

function describeCount(count: number): string {
  return count === 1 ? "its container has" : `its ${count} containers have`;
}

interface Site {
  task: Task;
  engine: Engine;
  image: ReadyImage | undefined;
}

/**
 * Holds the turn from the first container to the last, and until it has said how that went: the next machine looks for
 * a failure as soon as it has the turn. Takes it again when the session was lost in between.
 */
async function replaceInTurn(job: Job, site: Site): Promise<void> {
  for (;;) {
    await say(job, "waiting", "pulled; waiting for its turn");
    const turn = await takeTurn(job.client, { ...job, key: job.places.turn(job.order.name) });
    try {
      return await replaceAll(job, site, turn);
    } catch (error) {
      if (!(error instanceof TurnLost)) return await sayWhy(job, error);
      job.log("the turn was lost with the session: waiting for another one");
    } finally {
      await turn.end();
    }
  }
}

async function replaceAll(job: Job, { task, engine, image }: Site, turn: Turn): Promise<void> {
  const { order, signal, stopSignal } = job;
  const failure = await findFailure(job, order, signal);
  if (failure !== undefined) throw new LeftAlone(`not begun: ${failure.machine} has failed`);
  for (const slot of await surely(job, () => findUnfinished(task, engine, signal))) {
    await enter(job, turn, `its turn: finishing ${slot}, which was left in the middle`);
    await surely(job, () => finishSlot(task, engine, slot, { signal: stopSignal, log: job.log }));
  }
  const { outdated } = await surely(job, () => findOutdated(task, engine, image, signal));
  for (const name of outdated) {
    await enter(job, turn, `its turn: replacing ${name}`);
    await replace(job, name, task, image);
    job.replaced++;
  }
  // Whoever sends requests to the machines has to see that this one is back, before the next one goes away.
  if (outdated.length > 0) await sleep(order.record.pauseMs, undefined, { signal });
  const { count } = await surely(job, () => findOutdated(task, engine, image, signal));
  const line = `${describeCount(count)} ${order.record.tag}, healthy`;
  await say(job, "converged", line, { containers: count });
}

/** Not a step further without the turn: the word about it is written only while etcd has it as this machine's. */
async function enter(job: Job, turn: Turn, line: string): Promise<void> {
  const { order, replaced, signal, places } = job;
  if (!turn.isOurs()) throw new TurnLost();
  const condition = { key: places.turn(order.name), createRevision: turn.createRevision };
  await report(job, order, { state: "replacing", line, replaced }, signal, condition);
  if (!turn.isOurs()) throw new TurnLost();
}

/** A container that is under way is brought to its end, also when a newer release has come or the session is lost. */
async function replace(job: Job, name: string, task: Task, image: ReadyImage | undefined): Promise<void> {
  const tell = createTeller(job);
  const outcome = await replaceOne(task, name, image, { signal: job.stopSignal, log: tell.log });
  await tell.told();
  if (outcome.kind === "succeeded") return;
  const isRolledBack = outcome.kind === "rolled-back";
  throw new Failed(outcome.reason, {
    engine: isRolledBack ? "unchanged" : (outcome.engine ?? "unknown"),
    isTemporary: !isRolledBack && outcome.isTemporary === true,
    isRolledBack,
  });
}

/** Tells each step of a replacement, in order, without anything waiting for it. */
function createTeller(job: Job): { log(line: string): void; told(): Promise<void> } {
  let last = Promise.resolve();
  const over = new AbortController();
  const signal = AbortSignal.any([job.signal, over.signal]);
  return {
    log(line) {
      last = last.then(() => say({ ...job, signal }, "replacing", line)).catch(() => job.log(line));
    },
    /** An etcd that is away must not hold up what comes next; and nothing may be told after it. */
    async told() {
      await Promise.race([last, sleep(1_000, undefined, { ref: false })]);
      over.abort();
      await last;
    },
  };
}

const maximumTries = 4;

/** What may pass by itself is tried again a few times, before the whole cluster is stopped for it. */
async function surely<Result>(
  { retryDelayMs, log, signal }: Job,
  step: () => Promise<Result>,
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await step();
    } catch (error) {
      const failure = signal.aborted ? undefined : explainFailure(error);
      if (failure === undefined) throw error;
      const { line, isTemporary } = failure;
      if (!isTemporary || tries >= maximumTries) throw new Failed(line, { engine: "unchanged", isTemporary });
      log(`${line}; trying again`);
      const pauseMs = pauseAfter(tries, { firstMs: retryDelayMs, maximumMs: 8 * retryDelayMs });
      await sleep(pauseMs, undefined, { signal });
    }
  }
}
