import type { EtcdClient } from "../etcd-api/client.ts";
import { followRange } from "../etcd-api/follow.ts";
import { commit, readKey } from "../etcd-api/store.ts";
import type { Lease, Session } from "./session.ts";

/** The right to replace containers of a release: one machine in the cluster has it. It ends with the session. */
export interface Turn {
  /** Ask before each container. */
  isOurs(): boolean;
  /** The revision of etcd's that made it: no other turn has the same. */
  createRevision: number;
  end(): Promise<void>;
}

export interface TurnOptions {
  key: string;
  machine: string;
  session: Session;
  retryDelayMs: number;
  signal: AbortSignal;
  log(line: string): void;
}

/** Waits until it is this machine's turn; ends with the signal. */
export async function takeTurn(client: EtcdClient, options: TurnOptions): Promise<Turn> {
  const { key, machine, session, signal } = options;
  for (;;) {
    signal.throwIfAborted();
    const lease = await session.untilAlive(signal);
    // The lease makes the value this session's own: an answer that got lost is recognized by it.
    const value = `${machine} ${lease.id}`;
    const { isDone, revision } = await commit(client, {
      when: [{ key, createRevision: 0 }],
      put: { [key]: value },
      lease: lease.id,
      signal,
    });
    if (isDone) return turnOf(client, key, lease, revision);
    const holder = await readKey(client, key, { signal });
    if (holder?.value === value) return turnOf(client, key, lease, holder.createRevision);
    if (holder !== undefined) await untilFree(client, options);
  }
}

function turnOf(client: EtcdClient, key: string, lease: Lease, createRevision: number): Turn {
  return {
    createRevision,
    isOurs: lease.isAlive,
    async end() {
      const signal = AbortSignal.timeout(5_000);
      // When this fails, the session's end does it.
      await commit(client, { when: [{ key, createRevision }], remove: [{ key }], signal }).catch(() => {});
    },
  };
}

async function untilFree(client: EtcdClient, { key, signal, retryDelayMs, log }: TurnOptions): Promise<void> {
  const leaving = new AbortController();
  const either = AbortSignal.any([signal, leaving.signal]);
  try {
    for await (const news of followRange(client, { key }, { signal: either, retryDelayMs, log })) {
      const isFree =
        news.kind === "all" ? news.entries.length === 0 : news.changes.some(({ kind }) => kind === "delete");
      if (isFree) return;
    }
  } finally {
    leaving.abort();
  }
}
