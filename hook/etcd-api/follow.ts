import { setTimeout as sleep } from "node:timers/promises";
import { isJsonObject, type JsonObject } from "../json.ts";
import { pauseAfter } from "../queue/retry.ts";
import { ApiError } from "../target/api-error.ts";
import type { EtcdClient } from "./client.ts";
import { encodeRange, type KeyRange } from "./keys.ts";
import { type Entry, entryOf, listOf, readRange, revisionOf } from "./store.ts";

export type Change = { kind: "put"; entry: Entry } | { kind: "delete"; key: string };

/** What there is, which takes the place of whatever was known before; then what changes. */
export type News = { kind: "all"; entries: Entry[] } | { kind: "changes"; changes: Change[] };

export interface FollowOptions {
  signal: AbortSignal;
  retryDelayMs: number;
  log(line: string): void;
}

/**
 * Tells what is in a range of keys and every change of it, over all that may come between: members that go away, a
 * leader that is lost, revisions that were compacted away before they were told. Ends with the signal; throws what
 * does not pass by itself, such as a missing permission.
 */
export async function* followRange(
  client: EtcdClient,
  range: KeyRange,
  { signal, retryDelayMs, log }: FollowOptions,
): AsyncGenerator<News, void, void> {
  let next: number | undefined;
  let failures = 0;
  while (!signal.aborted) {
    try {
      if (next === undefined) {
        const { entries, revision } = await readRange(client, range, { signal });
        next = revision + 1;
        yield { kind: "all", entries };
      }
      for await (const answer of watch(client, range, next, signal)) {
        if (failures > 0) log(`etcd at ${client.where} answers again`);
        failures = 0;
        if (answer.kind === "lost") {
          next = undefined;
          break;
        }
        next = Math.max(next, answer.next);
        if (answer.changes.length > 0) yield { kind: "changes", changes: answer.changes };
      }
      // Not lost, and over all the same: a proxy in between may have a time limit.
      if (next !== undefined) await pause(retryDelayMs / 4, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError) || !error.isTemporary) throw error;
      failures++;
      if (failures === 1) log(`${error.message}; trying again`);
      await pause(pauseAfter(failures, { firstMs: retryDelayMs, maximumMs: 4 * retryDelayMs }), signal);
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}

type WatchAnswer = { kind: "told"; changes: Change[]; next: number } | { kind: "lost" };

async function* watch(
  client: EtcdClient,
  range: KeyRange,
  fromRevision: number,
  signal: AbortSignal,
): AsyncGenerator<WatchAnswer, void, void> {
  const create_request = {
    ...encodeRange(range),
    start_revision: String(fromRevision),
    progress_notify: true,
  };
  const call = { path: "watch", body: { create_request }, what: `watch ${range.key}`, signal };
  for await (const answer of client.stream(call)) {
    // Compacted away; or a store that was put back from a backup, and is not as far any more.
    if (answer["compact_revision"] !== undefined) yield { kind: "lost" };
    else if (answer["created"] === true && revisionOf(answer) < fromRevision - 1) yield { kind: "lost" };
    else if (answer["canceled"] === true) throw refusalOf(client, range, answer);
    else yield toldBy(answer, fromRevision);
  }
}

function refusalOf(client: EtcdClient, { key }: KeyRange, answer: JsonObject): ApiError {
  const reason = String(answer["cancel_reason"] ?? "no reason given");
  return new ApiError(`etcd at ${client.where} ended the watch of ${key}: ${reason}`, {
    said: reason,
    isTemporary: !/permission denied/.test(reason),
    hasNoEffect: true,
  });
}

/** A watch that catches up tells the store's revision in its header, and has not told everything up to that yet. */
function toldBy(answer: JsonObject, fromRevision: number): WatchAnswer {
  const events = listOf(answer["events"]);
  const changes = events.flatMap((event): Change[] => {
    if (!isJsonObject(event["kv"])) return [];
    const entry = entryOf(event["kv"]);
    return [event["type"] === "DELETE" ? { kind: "delete", key: entry.key } : { kind: "put", entry }];
  });
  const last = events.at(-1)?.["kv"];
  if (isJsonObject(last)) return { kind: "told", changes, next: entryOf(last).modRevision + 1 };
  const next = answer["created"] === true ? fromRevision : revisionOf(answer) + 1;
  return { kind: "told", changes, next };
}
