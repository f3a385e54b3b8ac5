import { setTimeout as sleep } from "node:timers/promises";
import packageJson from "../../package.json" with { type: "json" };
import { createEtcdClient, type EtcdClient } from "../etcd-api/client.ts";
import { followRange, type News } from "../etcd-api/follow.ts";
import type { Entry } from "../etcd-api/store.ts";
import { pauseAfter } from "../queue/retry.ts";
import { type Places, placesUnder } from "../target/etcd/places.ts";
import { parseRelease } from "../target/etcd/record.ts";
import { type AgentTools, carryOut } from "./carry-out.ts";
import { type Order, Superseded } from "./report.ts";
import { startSession } from "./session.ts";
import type { AgentSetting } from "./setting.ts";
import { createSlots } from "./slots.ts";

export interface Agent {
  /** Ends what is under way and resolves when nothing is left. */
  stop(): Promise<void>;
}

/** Watches etcd's releases and brings each onto this machine. */
export function startAgent(setting: AgentSetting, log: (line: string) => void): Agent {
  const { machine, retryDelayMs, sessionMs } = setting;
  const client = createEtcdClient(setting.etcd);
  const places = placesUnder(setting.prefix);
  const stopping = new AbortController();
  const put = { [places.machine(machine)]: JSON.stringify({ machine, version: packageJson.version }) };
  const session = startSession(client, { ttlMs: sessionMs, retryDelayMs, put, log });
  const slots = createSlots(setting.maxThreads);
  const stopSignal = stopping.signal;
  const tools: Omit<AgentTools, "lastWord"> = {
    client,
    places,
    machine,
    retryDelayMs,
    log,
    setting,
    session,
    slots,
    stopSignal,
  };
  const workers = new Map<string, Worker>();
  const workerOf = (name: string) => {
    const worker =
      workers.get(name) ??
      createWorker({ ...tools, lastWord: { modRevision: 0 }, log: (line) => log(`${name}: ${line}`) });
    workers.set(name, worker);
    return worker;
  };
  const follow = followReleases(client, places, tools, (name, order) =>
    order === undefined ? workers.get(name)?.forget() : workerOf(name).begin(order),
  );
  const repulling = repull(setting.repullPeriodMs, stopSignal, () => {
    for (const worker of workers.values()) worker.again();
  });
  log(`agent of ${machine}: etcd at ${client.where}, releases under ${setting.prefix}`);
  return {
    async stop() {
      stopping.abort();
      await Promise.all([follow, repulling, ...[...workers.values()].map((worker) => worker.ended())]);
      await session.stop();
    },
  };
}

type OnRelease = (name: string, order: Order | undefined) => void;

/** An agent goes on whatever etcd says: a permission that is missing may be given later. */
async function followReleases(
  client: EtcdClient,
  places: Places,
  tools: Pick<AgentTools, "stopSignal" | "retryDelayMs" | "log">,
  on: OnRelease,
): Promise<void> {
  const { stopSignal: signal, retryDelayMs, log } = tools;
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      for await (const news of followRange(client, places.releases, { signal, retryDelayMs, log })) {
        failures = 0;
        tell(news, places, on, log);
      }
    } catch (error) {
      log(`${(error as Error).message}; trying again`);
      const pauseMs = pauseAfter(failures, { firstMs: retryDelayMs, maximumMs: 30 * retryDelayMs });
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
  }
}

function tell(news: News, places: Places, on: OnRelease, log: (line: string) => void): void {
  const put = ({ key, value, modRevision }: Entry) => {
    const name = places.nameOf(key);
    const record = parseRelease(value);
    if (record === undefined) log(`${key} is no release: it is left alone`);
    on(name, record && { name, record, modRevision });
  };
  if (news.kind === "all") {
    news.entries.forEach(put);
    return;
  }
  // Of several changes of one key only the last counts.
  const last = new Map(
    news.changes.map((change) => [change.kind === "put" ? change.entry.key : change.key, change]),
  );
  for (const [key, change] of last) {
    if (change.kind === "put") put(change.entry);
    else on(places.nameOf(key), undefined);
  }
}

/** Everything again without being told, some minutes apart from the other machines. */
async function repull(periodMs: number, signal: AbortSignal, again: () => void): Promise<void> {
  while (!signal.aborted) {
    const pauseMs = periodMs * (0.9 + 0.2 * Math.random());
    // Longer ones do not fit into a timer.
    await sleep(Math.min(pauseMs, 2 ** 31 - 1), undefined, { signal }).then(again, () => {});
  }
}

/** Works on one release after the other: what a newer one finds under way comes to its next stop first. */
interface Worker {
  begin(order: Order): void;
  again(): void;
  forget(): void;
  ended(): Promise<void>;
}

function createWorker(tools: AgentTools): Worker {
  let current: Order | undefined;
  let superseding = new AbortController();
  let last = Promise.resolve();
  const enqueue = (order: Order) => {
    superseding.abort(new Superseded());
    superseding = new AbortController();
    const signal = AbortSignal.any([superseding.signal, tools.stopSignal]);
    last = last.then(() => untilDone(tools, order, signal));
  };
  return {
    begin(order) {
      // The same again is what etcd tells after a break.
      if (order.record.id === current?.record.id) return;
      current = order;
      enqueue(order);
    },
    again() {
      const order = current;
      if (order !== undefined)
        last = last.then(() =>
          untilDone(tools, order, AbortSignal.any([superseding.signal, tools.stopSignal])),
        );
    },
    forget() {
      current = undefined;
      superseding.abort(new Superseded());
    },
    ended: () => last,
  };
}

async function untilDone(tools: AgentTools, order: Order, signal: AbortSignal): Promise<void> {
  const { retryDelayMs, log } = tools;
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      return await carryOut(tools, order, signal);
    } catch (error) {
      if (error instanceof Superseded || signal.aborted) return;
      log(`${(error as Error).message}; beginning ${order.record.tag} again`);
      const pauseMs = pauseAfter(failures, { firstMs: retryDelayMs, maximumMs: 30 * retryDelayMs });
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
  }
}
