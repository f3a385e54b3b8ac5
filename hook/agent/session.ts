import { setTimeout as sleep } from "node:timers/promises";
import type { EtcdClient } from "../etcd-api/client.ts";
import { commit, grantLease, keepLease, revokeLease } from "../etcd-api/store.ts";
import { pauseAfter } from "../queue/retry.ts";

/** A lease of etcd's that is kept alive: what hangs on it ends when this process does. */
export interface Lease {
  id: string;
  /** By our own clock, counted from before the request: etcd ends it no earlier than this says. */
  isAlive(): boolean;
}

export interface Session {
  /** The lease of the moment; waits for a new one while etcd is away. */
  untilAlive(signal: AbortSignal): Promise<Lease>;
  /** Gives the lease back, so that nobody has to wait for its end. */
  stop(): Promise<void>;
}

export interface SessionOptions {
  ttlMs: number;
  retryDelayMs: number;
  /** Written with the lease: it says that this machine is there. */
  put: Readonly<Record<string, string>>;
  log(line: string): void;
}

export function startSession(client: EtcdClient, options: SessionOptions): Session {
  const { ttlMs, retryDelayMs, put, log } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let current: Lease | undefined;

  async function begin(): Promise<Lease & { until(ms: number): void }> {
    const startedMs = performance.now();
    const id = await grantLease(client, Math.ceil(ttlMs / 1000), { signal });
    await commit(client, { when: [], put, lease: id, signal });
    let endMs = startedMs + ttlMs;
    return {
      id,
      isAlive: () => performance.now() < endMs,
      until: (ms) => {
        endMs = ms;
      },
    };
  }

  /** Until it is lost: etcd says so, or has said nothing for as long as it lives. */
  async function keep(lease: Awaited<ReturnType<typeof begin>>): Promise<void> {
    let pauseMs = ttlMs / 3;
    while (lease.isAlive()) {
      await sleep(pauseMs, undefined, { signal });
      const startedMs = performance.now();
      try {
        const leftSeconds = await keepLease(client, lease.id, { signal });
        lease.until(leftSeconds > 0 ? startedMs + leftSeconds * 1000 : 0);
        pauseMs = ttlMs / 3;
      } catch (error) {
        if (signal.aborted) throw error;
        pauseMs = Math.min(ttlMs / 6, retryDelayMs);
      }
    }
  }

  async function run(): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      try {
        const lease = await begin();
        if (failures > 0) log(`etcd at ${client.where} answers again`);
        failures = 0;
        current = lease;
        await keep(lease);
        log("the session with etcd is lost: it was not heard of in time; beginning another one");
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        if (failures === 1) log(`${(error as Error).message}; trying again`);
        const pauseMs = pauseAfter(failures, { firstMs: retryDelayMs, maximumMs: 4 * retryDelayMs });
        await sleep(pauseMs, undefined, { signal }).catch(() => {});
      }
    }
  }

  const running = run();
  return {
    async untilAlive(caller) {
      while (current === undefined || !current.isAlive()) await sleep(20, undefined, { signal: caller });
      return current;
    },
    async stop() {
      stopping.abort();
      await running;
      if (current?.isAlive() !== true) return;
      // It ends by itself when etcd is away.
      await revokeLease(client, current.id, { signal: AbortSignal.timeout(2_000) }).catch(() => {});
    },
  };
}
