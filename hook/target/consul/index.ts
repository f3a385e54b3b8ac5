import { setTimeout as sleep } from "node:timers/promises";
import { isUnreached } from "../../http/connection-error.ts";
import type {
  CheckContext,
  CheckResult,
  DeployContext,
  EngineState,
  Outcome,
  Release,
  Target,
  TargetKind,
} from "../target.ts";
import { explainConsulError, isRefusal, isTemporary } from "./error.ts";
import { LockError, withLock } from "./lock.ts";
import { type Session, withClient } from "./session.ts";
import { type ConsulOptions, consulSchema } from "./setting.ts";
import { countInstances, waitForService } from "./wait.ts";

/**
 * Writes the tag into Consul's KV store, where a Nomad job's template reads it (`change_mode = "restart"`).
 * Done means that the key is written; with `wait`, that the service's instances have the release and are healthy.
 */
export const consul: TargetKind<ConsulOptions> = { name: "consul", schema: consulSchema, create };

function create(options: ConsulOptions, { image }: { image: { repository: string } }): Target {
  const key = options.key ?? `configs/${image.repository}/IMAGE_TAG`;
  return {
    name: "consul",
    timeoutMs: options.timeout + (options.lock?.timeout ?? 0) + (options.wait?.timeout ?? 0),
    deploy: (release, context) => deployRelease(options, key, release, context),
    current: (context) => readRelease(options, key, context),
    check: (context) => checkAccess(options, key, context),
  };
}

async function deployRelease(
  options: ConsulOptions,
  key: string,
  release: Release,
  context: DeployContext,
): Promise<Outcome> {
  const { lock } = options;
  // Until the write is under way nothing can have changed.
  const progress: Progress = { engine: "unchanged" };
  const isLost = new AbortController();
  const signal = AbortSignal.any([context.signal, isLost.signal]);
  const work = () =>
    withClient(options, signal, (session) =>
      writeAndWait(session, options, key, release, { ...context, signal }, progress),
    );
  try {
    if (lock === undefined) return await work();
    return await withLock(
      options,
      { ...lock, key: lock.key ?? `${key}.lock` },
      { context, lost: isLost },
      work,
    );
  } catch (error) {
    if (error instanceof LockError)
      return { kind: "failed", reason: error.message, isTemporary: true, engine: progress.engine };
    const isStopped = context.signal.aborted;
    return {
      kind: "failed",
      reason: explainConsulError(error, options, key, isStopped),
      isTemporary: (isStopped || isTemporary(error)) && progress.engine !== "changed",
      engine:
        progress.engine !== "changed" && (isUnreached(error) || isRefusal(error))
          ? "unchanged"
          : progress.engine,
    };
  }
}

async function writeAndWait(
  session: Session,
  options: ConsulOptions,
  key: string,
  release: Release,
  context: DeployContext,
  progress: Progress,
): Promise<Outcome> {
  const { wait } = options;
  const before = wait === undefined ? 0 : await countInstances(session, wait);
  const written = await setWithoutOverwriting(session, key, release.tag, context, progress);
  if (wait === undefined || written.kind !== "succeeded") return written;
  context.log(written.summary);
  progress.engine = "changed";
  const waited = await waitForService(session, options, wait, { release, before, context });
  if (waited.isHealthy)
    return { kind: "succeeded", summary: `${written.summary}; ${waited.seen}`, isConverged: true };
  return { kind: "failed", reason: `${written.summary}, but ${waited.seen}`, engine: "changed" };
}

async function readRelease(
  options: ConsulOptions,
  key: string,
  { signal }: CheckContext,
): Promise<Release | undefined> {
  const found = await withClient(options, signal, ({ client, request }) =>
    client.kv.get({ key, ...request }),
  );
  return found?.Value == null ? undefined : { tag: found.Value, digest: null };
}

/** An index that no key ever has: a check-and-set with it is judged like any other write, and changes nothing. */
const impossibleIndex = Number.MAX_SAFE_INTEGER;

async function checkAccess(
  options: ConsulOptions,
  key: string,
  { signal }: CheckContext,
): Promise<CheckResult> {
  try {
    const found = await withClient(options, signal, async ({ client, request }) => {
      const current = await client.kv.get({ key, ...request });
      await client.kv.set({ key, value: "", cas: impossibleIndex, ...request });
      return current?.Value;
    });
    const value = found == null ? "is not there yet" : `is ${found}`;
    return { ok: true, detail: `Consul at ${options.address} lets ${key} be written; it ${value}` };
  } catch (error) {
    return { ok: false, problem: explainConsulError(error, options, key, signal.aborted) };
  }
}

const maximumTries = 5;

interface Progress {
  engine: EngineState;
}

/** Check-and-set: a key that somebody else changes in between is read again, never overwritten unseen. */
async function setWithoutOverwriting(
  { client, request }: Session,
  key: string,
  tag: string,
  { log, signal }: DeployContext,
  progress: Progress,
): Promise<Outcome> {
  for (let tries = 1; tries <= maximumTries; tries++) {
    const current = await client.kv.get({ key, ...request });
    if (current?.Value === tag) return { kind: "succeeded", summary: `${key} has the value ${tag} already` };
    progress.engine = "unchanged";
    log(`${key} is ${current?.Value ?? "not there yet"}; writing ${tag}`);
    progress.engine = "unknown";
    // A lost race resolves to undefined here, not to false.
    const written = await client.kv.set({ key, value: tag, cas: current?.ModifyIndex ?? 0, ...request });
    if (written === true) return { kind: "succeeded", summary: `${key} is now ${tag}` };
    log(`${key} was changed by somebody else meanwhile (try ${tries} of ${maximumTries})`);
    await sleep(50 * tries, undefined, { signal });
  }
  return {
    kind: "failed",
    reason: `${key} kept being changed by somebody else; find out who writes it`,
    isTemporary: true,
    engine: progress.engine,
  };
}
