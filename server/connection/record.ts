/** What the log and the metrics are told of an answer. */
import { formatOutcome } from "../access-log.ts";
import type { Head } from "../head/head.ts";
import type { Packet } from "../kept.ts";
import type { Reply } from "../reply.ts";
import type { Serving } from "../serving.ts";
import type { Resource } from "../site/resource.ts";
import type { Channel } from "./channel.ts";

/** @param unsentBytes of its content, where the connection ended too early */
export function recordReply(
  serving: Serving,
  channel: Channel,
  head: Head,
  reply: Reply,
  unsentBytes: number,
  startedMs: number,
): void {
  if (!reply.isRecorded) return;
  const sentBytes = head.method === "HEAD" || !reply.hasContent ? 0 : reply.length - unsentBytes;
  const options = serving.options;
  const metrics = serving.metrics;
  if (options.hasMetrics) {
    metrics.countBytes(sentBytes);
    metrics.record(reply.status, reply.path, (performance.now() - startedMs) / 1000);
  }
  if (!options.hasAccessLog) return;
  const client = serving.clientOf(head, channel.address);
  const durationMs = performance.now() - startedMs;
  serving.accessLog.record(client, head, reply.status, sentBytes, serving.nowMs, durationMs);
}

/** The same of a page that was known. */
export function countPage(
  serving: Serving,
  resource: Resource,
  status: number,
  sentBytes: number,
  durationMs: number,
): void {
  const metrics = serving.metrics;
  metrics.countBytes(sentBytes);
  metrics.recordStatus(status, durationMs / 1000);
  if (status === 404) return;
  if (resource.counter < 0) resource.counter = metrics.counterFor(resource.path);
  metrics.countPath(resource.counter);
}

export function logPage(
  serving: Serving,
  channel: Channel,
  resource: Resource,
  packet: Packet,
  status: number,
  isHead: boolean,
  sentBytes: number,
  durationMs: number,
): void {
  const head = serving.headMemory.head;
  head.method = isHead ? "HEAD" : "GET";
  head.isPlainPath = true;
  if (status !== 404) head.target = resource.key;
  const client = serving.clientOf(head, channel.address);
  if (serving.accessLog.isJson) {
    serving.accessLog.record(client, head, status, sentBytes, serving.nowMs, durationMs);
    return;
  }
  // A page for what is not found is logged with other targets each time.
  const isOwn = status !== 404 && !isHead;
  let outcome = isOwn ? packet.logOutcome : "";
  if (outcome === "") outcome = formatOutcome(head, status, sentBytes);
  if (isOwn) packet.logOutcome = outcome;
  serving.accessLog.recordOutcome(client, head, outcome, serving.nowMs);
}
