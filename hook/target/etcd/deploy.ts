import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ImageName } from "../../../oci/reference.ts";
import type { EtcdClient } from "../../etcd-api/client.ts";
import { followRange } from "../../etcd-api/follow.ts";
import { commit, type Entry, readKey, readRange } from "../../etcd-api/store.ts";
import type { Deployment } from "../../store/deployment.ts";
import { ApiError, failureOf } from "../api-error.ts";
import type { DeployContext, Outcome } from "../target.ts";
import type { Places } from "./places.ts";
import { parseRelease, previousOf, type ReleaseRecord } from "./record.ts";
import {
  absorb,
  describeRoll,
  emptyRoll,
  isTouched,
  judgeRoll,
  type RollState,
  type RollVerdict,
} from "./roll.ts";

/** Everything that one service's deployments over etcd need to know. */
export interface EtcdPlan {
  client: EtcdClient;
  places: Places;
  name: string;
  service: string;
  image: ImageName;
  replace: Readonly<Record<string, unknown>>;
  pauseMs: number;
  retryDelayMs: number;
}

type Failed = Extract<Outcome, { kind: "failed" }>;

/** Writes a release and follows it over all machines to the end. */
export async function rollRelease(
  plan: EtcdPlan,
  deployment: Pick<Deployment, "id" | "tag" | "digest" | "attempt">,
  kind: ReleaseRecord["kind"],
  context: DeployContext,
): Promise<Outcome> {
  const progress = { isWriting: false };
  try {
    const refusal = await findRefusal(plan, context);
    if (refusal !== undefined) return refusal;
    const written = await announce(plan, deployment, kind, context, progress);
    if ("problem" in written)
      return { kind: "failed", reason: written.problem, isTemporary: true, engine: "unchanged" };
    return await followToEnd(plan, written.record, context);
  } catch (error) {
    if (context.signal.aborted && !(error instanceof ApiError))
      return stopped(progress.isWriting ? "unknown" : "unchanged");
    return failureOf(error, progress.isWriting ? "unknown" : "unchanged");
  }
}

function stopped(engine: "unknown" | "unchanged"): Failed {
  return {
    kind: "failed",
    reason: "stopped before the release was written to etcd",
    isTemporary: true,
    engine,
  };
}

/** Without an agent nobody would ever do anything, and nothing would say so. */
async function findRefusal(
  { client, places }: EtcdPlan,
  { signal, log }: DeployContext,
): Promise<Failed | undefined> {
  const machines = await listMachines(client, places, signal);
  if (machines.length > 0) {
    log(`${count(machines.length, "machine")} with an agent: ${machines.join(", ")}`);
    return undefined;
  }
  return {
    kind: "failed",
    reason: `no machine has an agent under ${places.machines.key}: start \`statigo agent\` on each, with the same etcd and prefix`,
    isTemporary: true,
    engine: "unchanged",
  };
}

export async function listMachines(
  client: EtcdClient,
  { machines }: Places,
  signal: AbortSignal,
): Promise<string[]> {
  const { entries } = await readRange(client, machines, { signal });
  return entries.map(({ key }) => key.slice(machines.key.length));
}

const maximumTries = 5;

/** Compared with what was read: a release that somebody else writes meanwhile is read again, never overwritten unseen. */
async function announce(
  { client, places, name, service, image, replace, pauseMs }: EtcdPlan,
  { id: deployment, tag, digest, attempt }: Pick<Deployment, "id" | "tag" | "digest" | "attempt">,
  kind: ReleaseRecord["kind"],
  { signal, log }: DeployContext,
  progress: { isWriting: boolean },
): Promise<{ record: ReleaseRecord } | { problem: string }> {
  const key = places.release(name);
  const release = { service, image: image.text, tag, digest, kind, replace, pauseMs };
  const id = randomUUID();
  for (let tries = 1; tries <= maximumTries; tries++) {
    const entry = await readKey(client, key, { signal });
    const found = entry && parseRelease(entry.value);
    const isOurs = found?.id === id;
    const isBegun =
      attempt > 1 && found?.deployment === deployment && found.tag === tag && found.kind === kind;
    if (found !== undefined && (isOurs || isBegun)) {
      if (isBegun) log(`${key} is ${tag} already, written for this deployment: going on with it`);
      return { record: found };
    }
    const record = { id, ...release, deployment, previous: found === undefined ? null : previousOf(found) };
    log(`${key} is ${describe(entry)}; writing ${tag}`);
    progress.isWriting = true;
    const isDone = await write(client, places, name, entry, record, signal);
    if (isDone) return { record };
    progress.isWriting = false;
    log(`${key} was changed by somebody else meanwhile (try ${tries} of ${maximumTries})`);
    await sleep(50 * tries, undefined, { signal });
  }
  return { problem: `${key} kept being changed by somebody else; find out who writes it` };
}

function describe(entry: Entry | undefined): string {
  if (entry === undefined) return "not there yet";
  return parseRelease(entry.value)?.tag ?? "no release";
}

/** Together with what the machines said of the release before: their next word is about this one. */
async function write(
  client: EtcdClient,
  places: Places,
  name: string,
  before: Entry | undefined,
  record: ReleaseRecord | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  const key = places.release(name);
  const { isDone } = await commit(client, {
    when: [{ key, modRevision: before?.modRevision ?? 0 }],
    put: record === undefined ? {} : { [key]: JSON.stringify(record) },
    remove: [places.progressOf(name), ...(record === undefined ? [{ key }] : [])],
    signal,
  });
  return isDone;
}

async function followToEnd(plan: EtcdPlan, record: ReleaseRecord, context: DeployContext): Promise<Outcome> {
  const state = emptyRoll(plan.places, plan.name, record.id);
  let verdict: RollVerdict;
  try {
    verdict = await follow(plan, state, context);
  } catch (error) {
    return failureOf(error, "changed");
  }
  switch (verdict.kind) {
    case "converged":
      return describeConverged(plan, state, record, context);
    case "failed":
      return goBack(
        plan,
        state,
        record,
        verdict.failed.map(({ machine, line }) => `${machine}: ${line}`),
        context,
      );
    case "superseded":
      return {
        kind: "failed",
        reason: `somebody else has written another release to ${plan.places.release(plan.name)}`,
        engine: "unknown",
      };
    case "going": {
      const reason = `not followed to the end (${describeRoll(state)}): the agents go on with it`;
      return { kind: "failed", reason, engine: "changed" };
    }
  }
}

/** Until it is decided, or the signal ends it. */
async function follow(
  plan: EtcdPlan,
  state: RollState,
  { signal, log }: DeployContext,
): Promise<RollVerdict> {
  const { client, places, retryDelayMs } = plan;
  const leaving = new AbortController();
  const either = AbortSignal.any([signal, leaving.signal]);
  try {
    for await (const news of followRange(client, places.all, { signal: either, retryDelayMs, log })) {
      for (const line of absorb(state, news)) log(line);
      const verdict = judgeRoll(state);
      if (verdict.kind !== "going") return verdict;
    }
  } finally {
    leaving.abort();
  }
  return { kind: "going" };
}

async function describeConverged(
  plan: EtcdPlan,
  state: RollState,
  record: ReleaseRecord,
  context: DeployContext,
): Promise<Outcome> {
  const having = [...state.progress.values()].filter(({ containers }) => containers > 0);
  if (having.length === 0) {
    const reason = `no machine (${[...state.progress.keys()].join(", ")}) has a container to replace: start one of ${record.image} by hand, it is the pattern for those that follow`;
    return goBack(plan, state, record, [reason], context);
  }
  const replaced = having.reduce((sum, one) => sum + one.replaced, 0);
  const names = having.map(({ machine }) => machine).sort();
  const summary = `${count(having.length, "machine")} ${having.length === 1 ? "has" : "have"} ${record.tag}, healthy (${names.join(", ")}); replaced ${count(replaced, "container")}`;
  return { kind: "succeeded", summary, isConverged: true };
}

/** Half a cluster with a release that does not work is put back as a whole. */
async function goBack(
  plan: EtcdPlan,
  state: RollState,
  record: ReleaseRecord,
  reasons: readonly string[],
  context: DeployContext,
): Promise<Outcome> {
  const reason = reasons.join("; ");
  const failed = [...state.progress.values()].filter((one) => one.state === "failed");
  const touched = isTouched(state);
  // A way back that fails has no way back of its own.
  if (record.kind === "rollback")
    return { kind: "failed", reason, engine: touched ? "unknown" : "unchanged" };
  const back = await writeBack(plan, record, context);
  if ("problem" in back)
    return {
      kind: "failed",
      reason: `${reason}; ${back.problem}`,
      engine: touched ? "unknown" : "unchanged",
    };
  if (!touched) {
    if (failed.some(({ isRolledBack }) => isRolledBack))
      return { kind: "rolled-back", reason: `${reason}; no machine has ${record.tag}` };
    return {
      kind: "failed",
      reason,
      isTemporary: failed.length > 0 && failed.every((one) => one.isTemporary),
      engine: "unchanged",
    };
  }
  // The hook's own history may know what to go back to.
  if (back.record === undefined) return { kind: "failed", reason, engine: "changed" };
  context.log(`going back to ${back.record.tag} on every machine`);
  const after = emptyRoll(plan.places, plan.name, back.record.id);
  const verdict = await follow(plan, after, context);
  if (verdict.kind === "converged")
    return { kind: "rolled-back", reason: `${reason}; every machine has ${back.record.tag} again` };
  return {
    kind: "failed",
    reason: `${reason}; going back to ${back.record.tag} did not come to its end (${describeRoll(after)})`,
    engine: "unknown",
  };
}

/** An agent that starts later must not begin with what has failed. Done even when the time is over. */
async function writeBack(
  { client, places, name }: EtcdPlan,
  { id, tag, previous }: ReleaseRecord,
  { log }: DeployContext,
): Promise<{ record: ReleaseRecord | undefined } | { problem: string }> {
  const key = places.release(name);
  const signal = AbortSignal.timeout(10_000);
  const record =
    previous === null
      ? undefined
      : { ...previous, id: randomUUID(), kind: "rollback" as const, deployment: 0, previous: null };
  try {
    const entry = await readKey(client, key, { signal });
    if (entry === undefined || parseRelease(entry.value)?.id !== id)
      return { problem: `${key} was changed by somebody else meanwhile` };
    if (!(await write(client, places, name, entry, record, signal)))
      return { problem: `${key} was changed by somebody else meanwhile` };
    log(
      record === undefined
        ? `${key} is taken away: there was nothing before ${tag}`
        : `${key} is ${record.tag} again`,
    );
    return { record };
  } catch (error) {
    return { problem: `${key} could not be written back: ${(error as Error).message}` };
  }
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
