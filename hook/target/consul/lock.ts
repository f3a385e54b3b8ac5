import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { DeployContext } from "../target.ts";
import { type Session, withClient } from "./session.ts";
import type { ConsulOptions, LockOptions } from "./setting.ts";

/** Another hook has the lock, or it was lost. */
export class LockError extends Error {}

interface Place {
  context: DeployContext;
  /** Aborted when the lock is lost while the work goes on. */
  lost: AbortController;
}

/** Has the lock while the work is done: one hook at a time. It ends with the hook, should that be killed. */
export async function withLock<Result>(
  options: ConsulOptions,
  lock: LockOptions & { key: string },
  { context, lost }: Place,
  work: () => Promise<Result>,
): Promise<Result> {
  const { signal } = context;
  const id = await withClient(options, signal, ({ client, request }) =>
    client.session
      .create({
        name: "statigo-hook",
        ttl: `${Math.ceil(lock.ttl / 1000)}s`,
        behavior: "release",
        lockdelay: "1s",
        ...request,
      })
      .then(({ ID }) => ID),
  );
  const over = new AbortController();
  const renewing = renew(options, id, lock.ttl, AbortSignal.any([over.signal]), lost);
  try {
    await withClient(options, AbortSignal.any([signal, lost.signal]), (session) =>
      acquire(session, id, lock, context),
    );
    const result = await work();
    if (lost.signal.aborted && !signal.aborted) throw lostLock(lock);
    return result;
  } catch (error) {
    throw lost.signal.aborted && !signal.aborted ? lostLock(lock) : error;
  } finally {
    over.abort();
    await renewing;
    // The signal may be over: a lock that nobody needs would hold the others up until its end.
    await withClient(options, AbortSignal.timeout(3_000), ({ client, request }) =>
      client.session.destroy({ id, ...request }),
    ).catch(() => {});
  }
}

function lostLock({ key }: { key: string }): LockError {
  return new LockError(`the lock ${key} was lost in the middle: Consul has not heard of this hook in time`);
}

/** The client's types leave out the session that has a key. */
interface Held {
  Value: string;
  ModifyIndex: number;
  Session?: string;
}

async function acquire(
  { client, request }: Session,
  id: string,
  { key, timeout }: LockOptions & { key: string },
  { log, signal }: DeployContext,
): Promise<void> {
  const value = JSON.stringify({ host: hostname(), pid: process.pid });
  const endMs = performance.now() + timeout;
  for (let tries = 1; ; tries++) {
    if ((await client.kv.set({ key, value, acquire: id, ...request })) === true) return;
    const holder = (await client.kv.get({ key, ...request })) as Held | undefined;
    const who = holder?.Session === undefined ? "nobody, since a moment" : (holder.Value ?? "somebody");
    const isHeld = holder?.Session !== undefined;
    if (tries === 1) log(`waiting for the lock ${key}, which ${who} has`);
    if (performance.now() > endMs)
      throw new LockError(`the lock ${key} was not to be had within ${timeout / 1000} s: ${who} has it`);
    await untilChanged(
      { client, request },
      { key, index: holder?.ModifyIndex ?? 0, isHeld, leftMs: endMs - performance.now() },
      signal,
    );
  }
}

/** A lock that has just been lost by one cannot be had by another for a second (Consul's lock-delay). */
async function untilChanged(
  { client, request }: Session,
  { key, index, isHeld, leftMs }: { key: string; index: number; isHeld: boolean; leftMs: number },
  signal: AbortSignal,
): Promise<void> {
  const wait = `${Math.max(1, Math.min(10_000, Math.ceil(leftMs)))}ms`;
  // The client's types do not know that reading a key can wait for its change.
  const blocking: object = { key, index: String(index), wait, ...request };
  if (isHeld) await client.kv.get(blocking as { key: string });
  else await sleep(250, undefined, { signal });
}

/** Three times within the session's life; it is lost when none of them was answered. */
async function renew(
  options: ConsulOptions,
  id: string,
  ttlMs: number,
  signal: AbortSignal,
  lost: AbortController,
): Promise<void> {
  const pauseMs = Math.floor(ttlMs / 3);
  let aliveUntilMs = performance.now() + ttlMs;
  while (!signal.aborted) {
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    const startedMs = performance.now();
    try {
      await withClient(
        options,
        AbortSignal.any([signal, AbortSignal.timeout(pauseMs)]),
        ({ client, request }) => client.session.renew({ id, ...request }),
      );
      aliveUntilMs = startedMs + ttlMs;
    } catch (error) {
      const isGone = (error as { statusCode?: number }).statusCode === 404;
      if (!isGone && performance.now() < aliveUntilMs) continue;
      if (!signal.aborted) lost.abort(new LockError("the lock is lost"));
      return;
    }
  }
}
