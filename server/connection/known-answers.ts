/**
 * The requests that come most, answered without taking them apart: their fields are remembered, their first line is that
 * of a page whose answer is kept whole.
 */
import type { FileFields } from "../file-fields.ts";
import type { Head } from "../head/head.ts";
import { noContent, notKept } from "../kept.ts";
import { noReply, type Reply, renderHead } from "../reply.ts";
import type { Representation } from "../representation.ts";
import { chooseRepresentation, replyWithKept } from "../respond.ts";
import type { Serving } from "../serving.ts";
import type { Resource } from "../site/resource.ts";
import type { Channel } from "./channel.ts";
import { hashLine, headSurplus, isHeadLine, skippedOfHead, targetOf } from "./page-memory.ts";
import { countPage, logPage } from "./record.ts";

/** The common case, with nothing to make: the answer to a target that is known. */
export function sendKnown(
  serving: Serving,
  channel: Channel,
  input: Buffer,
  start: number,
  end: number,
): boolean {
  const memory = serving.headMemory;
  const isHead = isHeadLine(input, start, end);
  const from = isHead ? start + headSurplus : start;
  const skipped = isHead ? skippedOfHead : 0;
  const hash = hashLine(input, from, end);
  const pages = serving.pageMemory;
  const page = pages.find(input, from, end, hash, skipped);
  if (page >= 0) {
    const status = memory.tagStart >= 0 ? 304 : 200;
    return sendPage(serving, channel, input, pages.resourceAt(page), status, isHead);
  }
  const missing = serving.missingMemory;
  const slot = missing.find(input, from, end, hash, skipped);
  if (slot < 0 || !serving.site.isFresh(missing.timeAt(slot), serving.nowMs)) return false;
  if (!memory.isTagKnown(input)) return false;
  // For the log; elsewhere the resource tells it.
  if (serving.options.hasAccessLog) memory.head.target = targetOf(input, from, end);
  return sendPage(serving, channel, input, missing.resourceAt(slot), 404, isHead);
}

/**
 * The reply to a target that is known, of a file that is not kept, or noReply. The memory's head is made that of the
 * request.
 */
export function knownReply(serving: Serving, input: Buffer, start: number, end: number): Reply {
  const memory = serving.headMemory;
  if (memory.tagStart >= 0 || serving.isDraining) return noReply;
  const isHead = isHeadLine(input, start, end);
  const from = isHead ? start + headSurplus : start;
  const pages = serving.pageMemory;
  const page = pages.find(input, from, end, hashLine(input, from, end), isHead ? skippedOfHead : 0);
  if (page < 0) return noReply;
  const reply = pages.replyAt(page);
  const resource = pages.resourceAt(page);
  const head = memory.head;
  if (reply === noReply || !serving.site.isCurrent(resource, serving.nowMs)) return noReply;
  if (reply.source !== chooseRepresentation(head, resource)) return noReply;
  head.method = isHead ? "HEAD" : "GET";
  head.target = resource.key;
  head.isPlainPath = true;
  return reply;
}

/** The head of a reply; of one that is sent again and again it is made once a second. */
export function headOf(serving: Serving, head: Head, reply: Reply): string {
  if (reply.headSecond < 0 || !head.keepAlive || head.minor !== 1)
    return renderHead(reply, serving.dateField(), head.minor, head.keepAlive);
  if (reply.headSecond !== serving.second) {
    reply.head = renderHead(reply, serving.dateField(), 1, true);
    reply.headSecond = serving.second;
  }
  return reply.head;
}

/** The answers that a small file gives most are kept whole, for the second they are dated with. */
function sendPage(
  serving: Serving,
  channel: Channel,
  input: Buffer,
  resource: Resource,
  status: number,
  isHead: boolean,
): boolean {
  const memory = serving.headMemory;
  if (serving.isDraining || !serving.site.isCurrent(resource, serving.nowMs)) return false;
  const representation = chooseRepresentation(memory.head, resource);
  const kept = representation.kept;
  if (kept === notKept || (status === 304 && !memory.tagIs(input, kept.tag))) return false;
  const packet = status === 200 ? kept.found : status === 304 ? kept.unchanged : kept.notFound;
  if (packet.second !== serving.second) pack(serving, resource, representation, status);
  if (isHead) channel.send(packet.bytes.subarray(0, packet.headLength), false);
  else channel.send(packet.bytes, false);
  const sentBytes = status === 304 || isHead ? 0 : representation.sizeBytes;
  const durationMs = serving.isTimed ? serving.lapMs() : 0;
  if (serving.options.hasMetrics) countPage(serving, resource, status, sentBytes, durationMs);
  if (serving.options.hasAccessLog)
    logPage(serving, channel, resource, packet, status, isHead, sentBytes, durationMs);
  return true;
}

function pack(serving: Serving, resource: Resource, representation: Representation, status: number): void {
  const kept = representation.kept;
  const reply = replyWithKept(resource, representation, status);
  const head = renderHead(reply, serving.dateField(), 1, true);
  if (status === 200) kept.fillFound(head, serving.second);
  else if (status === 304) kept.unchanged.fill(head, noContent, serving.second);
  else kept.notFound.fill(head, kept.content, serving.second);
}

/**
 * What was found for a plain path is found at once the next time; so is that nothing is there, where the page that says so
 * is kept. A page that stands in for another path may have fields of that path.
 */
export function learnPage(
  serving: Serving,
  head: Head,
  resource: Resource,
  fields: FileFields | null,
  reply: Reply,
): void {
  if (!head.isPlainPath) return;
  const isKept = resource.identity.kept !== notKept;
  if (reply.status === 404) {
    if (isKept && fields === resource.notFoundFields)
      serving.missingMemory.learn(head.target, resource, noReply, serving.nowMs);
    return;
  }
  if (fields !== null) return;
  if (isRepeatable(reply)) {
    reply.headSecond = 0;
    serving.pageMemory.learn(head.target, resource, reply, serving.nowMs);
  } else if (isKept) serving.pageMemory.learn(head.target, resource, noReply, serving.nowMs);
}

/** Whether it is the whole of a file that is not kept, all about it known. */
function isRepeatable(reply: Reply): boolean {
  const source = reply.source;
  return reply.status === 200 && source !== null && source.kept === notKept && source.etag !== "";
}

/** The whole of a kept file, asked for by a request that is not remembered, goes out as it would by one that is. */
export function sendWhole(serving: Serving, channel: Channel, head: Head, reply: Reply): boolean {
  const source = reply.source;
  if (source === null || source.kept === notKept || reply.status !== 200) return false;
  const kept = source.kept;
  if (reply.fields !== kept.fields || head.method !== "GET" || !head.keepAlive || head.minor !== 1)
    return false;
  if (kept.found.second !== serving.second)
    kept.fillFound(renderHead(reply, serving.dateField(), 1, true), serving.second);
  channel.send(kept.found.bytes, false);
  return true;
}
