import { isJsonObject, type JsonObject } from "../json.ts";
import type { EtcdClient } from "./client.ts";
import { decodeBytes, encodeBytes, encodeRange, type KeyRange } from "./keys.ts";

export interface Entry {
  key: string;
  value: string;
  /** Of the change that brought this value. */
  modRevision: number;
  createRevision: number;
}

export interface Snapshot {
  entries: Entry[];
  /** Of the whole store. */
  revision: number;
}

interface Signalled {
  signal: AbortSignal;
}

export async function readRange(
  client: EtcdClient,
  range: KeyRange,
  { signal }: Signalled,
): Promise<Snapshot> {
  const what = `read ${range.key}`;
  const answer = await client.call({ path: "kv/range", body: encodeRange(range), what, signal });
  return { entries: listOf(answer["kvs"]).map(entryOf), revision: revisionOf(answer) };
}

export async function readKey(client: EtcdClient, key: string, call: Signalled): Promise<Entry | undefined> {
  return (await readRange(client, { key }, call)).entries[0];
}

/** What has to be so for a commit to be made; a key that is not there has the revision 0. */
export type Condition = { key: string; modRevision: number } | { key: string; createRevision: number };

export interface Commit extends Signalled {
  when: readonly Condition[];
  put?: Readonly<Record<string, string>>;
  remove?: readonly KeyRange[];
  /** The keys end with it. */
  lease?: string;
  /** Read at the same moment where the conditions do not hold. */
  otherwiseRead?: readonly string[];
}

export interface Committed {
  isDone: boolean;
  revision: number;
  /** What there is of `otherwiseRead`. */
  found: Entry[];
}

/** All of it or nothing. */
export async function commit(
  client: EtcdClient,
  { when, put = {}, remove = [], lease, otherwiseRead = [], signal }: Commit,
): Promise<Committed> {
  const puts = Object.entries(put).map(([key, value]) => ({
    request_put: {
      key: encodeBytes(key),
      value: encodeBytes(value),
      ...(lease !== undefined && { lease }),
    },
  }));
  const removals = remove.map((range) => ({ request_delete_range: encodeRange(range) }));
  const failure = otherwiseRead.map((key) => ({ request_range: encodeRange({ key }) }));
  const answer = await client.call({
    path: "kv/txn",
    body: { compare: when.map(compareOf), success: [...puts, ...removals], failure },
    what: `write ${[...Object.keys(put), ...remove.map(({ key }) => key)].join(", ")}`,
    signal,
  });
  const isDone = answer["succeeded"] === true;
  return { isDone, revision: revisionOf(answer), found: isDone ? [] : rangesOf(answer) };
}

function rangesOf(answer: JsonObject): Entry[] {
  return listOf(answer["responses"]).flatMap(({ response_range: range }) =>
    isJsonObject(range) ? listOf(range["kvs"]).map(entryOf) : [],
  );
}

function compareOf(condition: Condition): object {
  const key = encodeBytes(condition.key);
  return "modRevision" in condition
    ? { key, target: "MOD", result: "EQUAL", mod_revision: String(condition.modRevision) }
    : { key, target: "CREATE", result: "EQUAL", create_revision: String(condition.createRevision) };
}

/** Answers the lease's number, which is too long for a JavaScript number. */
export async function grantLease(
  client: EtcdClient,
  ttlSeconds: number,
  { signal }: Signalled,
): Promise<string> {
  const body = { TTL: String(ttlSeconds) };
  const answer = await client.call({ path: "lease/grant", body, what: "grant a lease", signal });
  return String(answer["ID"]);
}

/** Answers for how many seconds more; 0 when the lease is gone. */
export async function keepLease(client: EtcdClient, lease: string, { signal }: Signalled): Promise<number> {
  const call = { path: "lease/keepalive", body: { ID: lease }, what: "keep a lease", signal };
  const answer = await client.call(call);
  const result = isJsonObject(answer["result"]) ? answer["result"] : {};
  return Number(result["TTL"] ?? 0);
}

/** All keys that it has end at once. */
export async function revokeLease(client: EtcdClient, lease: string, { signal }: Signalled): Promise<void> {
  await client.call({ path: "lease/revoke", body: { ID: lease }, what: "end a lease", signal });
}

export function listOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

export function revisionOf({ header }: JsonObject): number {
  return isJsonObject(header) ? Number(header["revision"] ?? 0) : 0;
}

/** 64-bit numbers are texts in the gateway's JSON, and left out when they are 0. */
export function entryOf(kv: JsonObject): Entry {
  return {
    key: decodeBytes(kv["key"]),
    value: decodeBytes(kv["value"]),
    modRevision: Number(kv["mod_revision"] ?? 0),
    createRevision: Number(kv["create_revision"] ?? 0),
  };
}
