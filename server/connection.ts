/**
 * One client's connection, as a state machine: receive → head → reply → (file) → head … → close.
 * Every entry here catches its own errors: natively an exception that leaves the event loop ends the process.
 */
import * as fs from "node:fs";
import { formatOutcome } from "./access-log.ts";
import type { Channel } from "./channel.ts";
import { findHeadEnd, Head, headIncomplete, headMalformed, oversizeStatus, parseHead } from "./head.ts";
import { version } from "./options.ts";
import { type Reply, renderHead, replyWithError, replyWithoutContent, replyWithText } from "./reply.ts";
import { isUnchanged, type Representation, readFully } from "./representation.ts";
import { chooseRepresentation, concludeAnswer, Finding, findAnswer } from "./respond.ts";
import { originForm } from "./route.ts";
import type { Serving } from "./serving.ts";
import { hashAtOnceBytes, type Resource } from "./site.ts";

const EMPTY = Buffer.alloc(0);
/** Up to this size a file's content goes out with its head in one write. */
const joinedBytes = 16 * 1024;
/** After so much of a file the other connections get their turn. */
const turnBytes = 1024 * 1024;
/** Content of a request is discarded up to here, to keep the connection; beyond, it is closed. */
const discardLimitBytes = 1024 * 1024;

const lingerTimeoutMs = 2_000;
/** A terabyte. */
const hashTimeoutMs = 3_600_000;

/** Shared by connections that are between requests, which is what most connections are. */
const noHead = new Head();
const plainGet = new Head();
plainGet.method = "GET";

export class Connection {
  private readonly id: number;
  readonly channel: Channel;
  private readonly serving: Serving;
  /**
   * "head": between or within heads. "busy": a reply is under way. "full": the client has to take what it was sent.
   * "closing": told the client, awaiting its end.
   */
  private state: "head" | "busy" | "full" | "closing" | "closed" = "head";
  private pending: Buffer = EMPTY;
  /** Where the search for the head's end goes on. */
  private scanned = 0;
  private discardBytes = 0;
  private hasPeerEnded = false;
  private head: Head = noHead;
  private reply: Reply | null = null;
  private startedMs = 0;
  private fd = -1;
  private position = 0;
  private remaining = 0;
  /** Of `remaining`, what follows in the file from `position`; the next part of several comes after it. */
  private stretch = 0;
  private partIndex = 0;
  /** When the time limit of the state runs out. */
  private deadlineMs: number;
  private sentAtDeadline = 0;

  constructor(id: number, channel: Channel, serving: Serving) {
    this.id = id;
    this.channel = channel;
    this.serving = serving;
    this.deadlineMs = serving.nowMs + serving.options.headerTimeoutMs;
  }

  /** Takes what came in, `length` bytes; the buffer is the caller's again afterwards. */
  receive(input: Buffer, length: number): void {
    if (this.state === "closing" || this.state === "closed") return;
    try {
      const isFirst = this.pending.length === 0;
      if (this.state === "head" && isFirst) this.readRequests(input, length);
      else {
        const joined = Buffer.concat([this.pending, input.subarray(0, length)]);
        if (this.state === "head") this.readRequests(joined, joined.length);
        else {
          this.pending = joined;
          this.channel.pauseReading();
        }
      }
    } catch {
      this.drop();
    }
  }

  /** Called when the client took what it was sent, or the turn that was asked for has come. */
  proceed(): void {
    try {
      if (this.state === "busy") this.pump();
      else if (this.state === "full" && this.channel.isReady()) this.awaitRequest();
      if (this.state === "head") this.resume();
    } catch {
      this.drop();
    }
  }

  /** The client will send no more; it may still be waiting for its answer. */
  peerEnded(): void {
    this.hasPeerEnded = true;
    if (this.state === "head" || this.state === "closing") this.drop();
  }

  /** Takes requests for as long as their replies go out at once; keeps what is left. */
  private readRequests(input: Buffer, length: number): void {
    let at = 0;
    while (this.state === "head" && at < length) {
      if (this.discardBytes > 0) {
        const count = Math.min(this.discardBytes, length - at);
        this.discardBytes -= count;
        at += count;
        continue;
      }
      // RFC 9112 2.2: an empty line before a request is ignored, also when its second half is yet to come.
      if (this.scanned === 0 && input[at] === 13) {
        if (at + 1 >= length) break;
        if (input[at + 1] === 10) {
          at += 2;
          continue;
        }
      }
      const end = this.readHead(input, at, length);
      if (end < 0) break;
      at = end;
    }
    // "closing" and "closed" read nothing more. A copy, since the input is the caller's.
    if (at >= length || this.state === "closing" || this.state === "closed") this.pending = EMPTY;
    else this.pending = Buffer.from(input.subarray(at, length));
  }

  /** Answers the request whose head starts at `at`; returns the head's end, or less than 0 where reading stops. */
  private readHead(input: Buffer, at: number, length: number): number {
    const memory = this.serving.headMemory;
    if (this.scanned === 0) {
      const end = memory.recallPlainGet(input, at, length);
      if (end >= 0) {
        const resource = this.serving.pageMemory.recall(input, at + 4, memory.targetEnd);
        if (resource !== null && this.sendPage(memory.head, resource)) return end;
      }
    }
    let end = this.scanned === 0 ? memory.recall(input, at, length) : headIncomplete;
    if (end < 0) {
      const received = length === input.length ? input : input.subarray(0, length);
      end = findHeadEnd(received, at, at + this.scanned);
      if (end === headIncomplete) this.awaitRestOfHead(received, at);
      else if (end === headMalformed) this.refuse(400);
      if (end < 0) return end;
      this.scanned = 0;
      memory.remember(received, at, end, parseHead(received, at, end, this.serving.options.hasAccessLog));
    }
    const head = memory.head;
    this.answer(head);
    // Between requests the head is anybody's; while a reply is under way it is this connection's.
    if (this.state === "head") this.head = noHead;
    else memory.forget();
    return end;
  }

  private awaitRestOfHead(input: Buffer, at: number): void {
    const status = oversizeStatus(input, at);
    if (status !== 0) {
      this.refuse(status);
      return;
    }
    if (this.scanned === 0) this.deadlineMs = this.serving.nowMs + this.serving.options.headerTimeoutMs;
    this.scanned = input.length - at;
  }

  /** Answers what is no request, and closes. */
  private refuse(status: number): void {
    this.scanned = 0;
    const head = new Head();
    head.error = status;
    head.keepAlive = false;
    this.answer(head);
  }

  private answer(head: Head): void {
    this.head = head;
    this.startedMs = performance.now();
    if (head.error !== 0) {
      this.send(replyWithError(head.error, ""));
      return;
    }
    // Content of a request is of no use here: little is skipped, much or of unknown length ends the connection.
    if (head.contentLength < 0 || head.contentLength > discardLimitBytes || head.expect !== "")
      head.keepAlive = false;
    else this.discardBytes = head.contentLength;
    if (this.serving.isDraining) head.keepAlive = false;
    const own = this.answerItself(head);
    if (own !== null) this.send(own);
    else this.answerFromSite(2);
  }

  /** The common case, with nothing to make: the reply of a small file is kept whole, for the second it is dated with. */
  private sendPage(head: Head, resource: Resource): boolean {
    const serving = this.serving;
    if (serving.isDraining || !serving.site.isCurrent(resource, serving.nowMs)) return false;
    const representation = chooseRepresentation(head, resource);
    if (!representation.isKept || representation.fields === "") return false;
    this.startedMs = performance.now();
    const second = Math.floor(serving.nowMs / 1000);
    if (representation.packetSecond !== second) this.pack(resource, representation, second);
    this.channel.send(representation.packet, false);
    if (serving.options.hasMetrics) this.countPage(resource, representation.sizeBytes);
    if (serving.options.hasAccessLog) this.logPage(head, resource, representation);
    if (this.channel.isReady()) this.deadlineMs = serving.nowMs + serving.options.idleTimeoutMs;
    else this.state = "full";
    return true;
  }

  private countPage(resource: Resource, sentBytes: number): void {
    const metrics = this.serving.metrics;
    let counter = resource.counter;
    if (counter === null) {
      counter = metrics.counterFor(resource.path);
      resource.counter = counter;
    }
    metrics.countBytes(sentBytes);
    metrics.recordFound(200, counter, (performance.now() - this.startedMs) / 1000);
  }

  private logPage(head: Head, resource: Resource, representation: Representation): void {
    const serving = this.serving;
    head.method = "GET";
    head.target = resource.key;
    head.isPlainPath = true;
    if (serving.accessLog.isJson) {
      this.head = head;
      this.log(200, representation.sizeBytes);
      this.head = noHead;
      return;
    }
    if (representation.logOutcome === "") {
      representation.logOutcome = formatOutcome(head, 200, representation.sizeBytes);
    }
    const client = serving.clientOf(head, this.channel.address);
    serving.accessLog.recordOutcome(client, head, representation.logOutcome, serving.nowMs);
  }

  private pack(resource: Resource, representation: Representation, second: number): void {
    const reply = concludeAnswer(
      plainGet,
      new Finding(null, resource, representation, 200),
      this.serving.nowMs,
    );
    representation.pack(renderHead(reply, this.serving.dateField(), 1, true), second);
  }

  /** Health and metrics. */
  private answerItself(head: Head): Reply | null {
    const options = this.serving.options;
    if (head.method !== "GET" && head.method !== "HEAD") return null;
    const target = originForm(head.target);
    const question = target.indexOf("?");
    const path = question < 0 ? target : target.slice(0, question);
    let reply: Reply | null = null;
    if (path === options.healthUrl) reply = replyWithoutContent(204, "");
    else if (options.hasMetrics && path === options.metricsUrl) {
      reply = replyWithText(
        200,
        "",
        "text/plain; version=0.0.4; charset=utf-8",
        this.serving.metrics.render(version, this.serving.connections.size),
      );
    }
    if (reply !== null) reply.isRecorded = false;
    return reply;
  }

  /** @param tries how often to look again where a file changes between being found and being opened */
  private answerFromSite(tries: number): void {
    const serving = this.serving;
    const finding = findAnswer(this.head, serving.site, serving.options.notFoundFilename, serving.nowMs);
    const representation = finding.representation;
    if (representation === null) {
      this.send(concludeAnswer(this.head, finding, serving.nowMs));
      return;
    }
    if (representation.etag === "" && representation.sizeBytes > hashAtOnceBytes) {
      this.state = "busy";
      this.deadlineMs = serving.nowMs + hashTimeoutMs;
      serving.hashTaskFor(representation).whenDone((isKnown: boolean) => {
        this.afterHashing(isKnown, finding, tries);
      });
      return;
    }
    let isPrepared = true;
    try {
      const isToKeep = !representation.isKept && serving.site.hasRoomFor(representation);
      if (representation.etag === "" || isToKeep) isPrepared = serving.site.prepare(representation);
    } catch {
      isPrepared = false;
    }
    if (isPrepared) this.sendFile(finding, tries);
    else this.lookAgain(finding, tries);
  }

  private afterHashing(isKnown: boolean, finding: Finding, tries: number): void {
    if (this.state === "closed") return;
    try {
      if (isKnown) this.sendFile(finding, tries);
      else this.lookAgain(finding, tries);
      if (this.state === "head") this.resume();
    } catch {
      this.drop();
    }
  }

  private lookAgain(finding: Finding, tries: number): void {
    if (finding.resource !== null) this.serving.site.forget(finding.resource);
    if (tries > 0) this.answerFromSite(tries - 1);
    else this.send(replyWithError(503, "Retry-After: 1\r\n"));
  }

  /** Concludes the reply of a file whose tag is known, and opens the file where its content is not in memory. */
  private sendFile(finding: Finding, tries: number): void {
    const reply = concludeAnswer(this.head, finding, this.serving.nowMs);
    const source = reply.source;
    // A page that stands in for another path has fields of that path.
    if (finding.resource !== null && finding.fields === null) this.learnPage(finding.resource, reply);
    if (source !== null && !source.isKept && this.head.method === "GET" && reply.length > 0) {
      let fd = -1;
      try {
        fd = fs.openSync(source.file, "r");
        this.fd = isUnchanged(fd, source) ? fd : -1;
      } catch {
        this.fd = -1;
      }
      if (this.fd < 0) {
        if (fd >= 0) fs.closeSync(fd);
        this.lookAgain(finding, tries);
        return;
      }
    }
    this.send(reply);
  }

  /** What was found for a plain path, kept in memory, is found at once the next time. */
  private learnPage(resource: Resource, reply: Reply): void {
    const head = this.head;
    const source = reply.source;
    if (source === null || !source.isKept || reply.status !== 200) return;
    if (!head.isPlainPath || head.method !== "GET") return;
    this.serving.pageMemory.learn(head.target, resource);
  }

  private begin(): void {
    this.state = "busy";
    this.deadlineMs = this.serving.nowMs + this.serving.options.writeTimeoutMs;
  }

  private send(reply: Reply): void {
    this.begin();
    this.reply = reply;
    const head = this.head;
    if (this.sendPacket(reply)) return;
    const text = renderHead(reply, this.serving.dateField(), head.minor, head.keepAlive);
    const source = reply.source;
    this.position = reply.start;
    this.remaining = head.method === "HEAD" || !reply.hasContent ? 0 : reply.length;
    const multipart = reply.multipart;
    this.stretch = multipart === null ? this.remaining : 0;
    this.partIndex = 0;
    if (this.remaining === 0) this.channel.send(Buffer.from(text, "latin1"), false);
    else if (source === null) this.sendJoined(text, reply.content, 0, reply.length);
    else if (source.isKept && multipart !== null)
      this.sendJoined(text, multipart.join(source.content), 0, reply.length);
    else if (source.isKept) this.sendJoined(text, source.content, reply.start, reply.length);
    else if (reply.length <= joinedBytes && multipart === null) {
      const content = Buffer.allocUnsafe(reply.length);
      if (readFully(this.fd, content, reply.length, reply.start) !== reply.length) {
        this.drop();
        return;
      }
      this.sendJoined(text, content, 0, reply.length);
    } else this.channel.send(Buffer.from(text, "latin1"), true);
    if (this.remaining > 0) this.pump();
    else this.finishReply();
  }

  /** The whole of a kept file, asked for by a request that is not remembered, goes out as it would by one that is. */
  private sendPacket(reply: Reply): boolean {
    const source = reply.source;
    const head = this.head;
    if (source === null || !source.isKept || reply.status !== 200 || reply.fields !== source.fields)
      return false;
    if (head.method !== "GET" || !head.keepAlive || head.minor !== 1) return false;
    const second = Math.floor(this.serving.nowMs / 1000);
    if (source.packetSecond !== second)
      source.pack(renderHead(reply, this.serving.dateField(), 1, true), second);
    this.remaining = 0;
    this.channel.send(source.packet, false);
    this.finishReply();
    return true;
  }

  private sendJoined(text: string, content: Buffer, start: number, length: number): void {
    const bytes = Buffer.allocUnsafe(text.length + length);
    bytes.write(text, 0, "latin1");
    content.copy(bytes, text.length, start, start + length);
    this.remaining = 0;
    this.channel.send(bytes, false);
  }

  /** Sends of the file what the client takes; so a slow client costs next to no memory. */
  private pump(): void {
    const channel = this.channel;
    let turn = turnBytes;
    while (this.remaining > 0) {
      if (!channel.isReady()) return;
      if (turn <= 0) {
        channel.yieldTurn();
        return;
      }
      if (this.stretch === 0) {
        this.beginPart();
        continue;
      }
      const count = channel.sendFile(this.fd, this.position, Math.min(this.stretch, turn));
      if (count < 0) {
        // A file that got shorter while being sent: the client can only be told by a connection that ends too early.
        this.drop();
        return;
      }
      this.deadlineMs = this.serving.nowMs + this.serving.options.writeTimeoutMs;
      this.position += count;
      this.remaining -= count;
      this.stretch -= count;
      turn -= count;
    }
    this.finishReply();
  }

  /** Sends what goes before the next part of several, or after the last one. */
  private beginPart(): void {
    const multipart = this.reply === null ? null : this.reply.multipart;
    if (multipart === null) return;
    const head = multipart.head(this.partIndex);
    this.position = multipart.ranges.startAt(this.partIndex);
    this.stretch = multipart.ranges.lengthAt(this.partIndex);
    this.partIndex += 1;
    this.remaining -= head.length;
    this.channel.send(Buffer.from(head, "latin1"), this.remaining > 0);
  }

  private finishReply(): void {
    this.closeFile();
    this.recordReply();
    if (!this.head.keepAlive || this.hasPeerEnded) this.endConnection();
    else if (this.channel.isReady()) this.awaitRequest();
    else this.state = "full";
  }

  private awaitRequest(): void {
    this.state = "head";
    this.head = noHead;
    this.reply = null;
    this.deadlineMs = this.serving.nowMs + this.serving.options.idleTimeoutMs;
    if (this.serving.isDraining) this.endConnection();
  }

  /** Goes on with what was received while a reply was under way. */
  private resume(): void {
    this.channel.resumeReading();
    const pending = this.pending;
    this.pending = EMPTY;
    if (pending.length > 0) this.readRequests(pending, pending.length);
    if (this.hasPeerEnded && this.state === "head") this.drop();
  }

  private recordReply(): void {
    const reply = this.reply;
    if (reply === null || !reply.isRecorded) return;
    const sent = this.head.method === "HEAD" || !reply.hasContent ? 0 : reply.length - this.remaining;
    const serving = this.serving;
    if (serving.options.hasMetrics) {
      serving.metrics.countBytes(sent);
      serving.metrics.record(reply.status, reply.path, (performance.now() - this.startedMs) / 1000);
    }
    if (serving.options.hasAccessLog) this.log(reply.status, sent);
  }

  private log(status: number, sentBytes: number): void {
    const serving = this.serving;
    const head = this.head;
    const client = serving.clientOf(head, this.channel.address);
    const durationMs = performance.now() - this.startedMs;
    serving.accessLog.record(client, head, status, sentBytes, serving.nowMs, durationMs);
  }

  /**
   * Ends our side and goes on reading for a moment: closed at once, with bytes of the client unread, the
   * kernel would send a reset, which can take the reply with it (RFC 9112 9.6).
   */
  private endConnection(): void {
    this.state = "closing";
    this.pending = EMPTY;
    this.deadlineMs = this.serving.nowMs + lingerTimeoutMs;
    this.channel.endWriting();
    if (this.hasPeerEnded && this.channel.isReady()) this.drop();
    else this.channel.resumeReading();
  }

  /** Called once a second. */
  checkDeadline(nowMs: number): void {
    if (nowMs < this.deadlineMs) return;
    const sent = this.channel.sentBytes;
    if (this.state !== "head" && sent > this.sentAtDeadline) {
      // A client that takes its bytes, however slowly, is let go on.
      this.sentAtDeadline = sent;
      this.deadlineMs =
        nowMs + (this.state === "closing" ? lingerTimeoutMs : this.serving.options.writeTimeoutMs);
    } else if (this.state === "head" && this.scanned > 0) this.refuse(408);
    else this.drop();
  }

  /** For a server that drains: an idle connection is closed, a busy one after its reply. */
  drain(): void {
    if (this.state === "head" && this.scanned === 0) this.drop();
    else if (this.head !== noHead) this.head.keepAlive = false;
  }

  private closeFile(): void {
    if (this.fd < 0) return;
    const fd = this.fd;
    this.fd = -1;
    try {
      fs.closeSync(fd);
    } catch {
      // Nothing can be done about it, and the descriptor is gone either way.
    }
  }

  /** Ends it without a word; a reply that was under way is logged with what was sent of it. */
  drop(): void {
    if (this.state === "closed") return;
    if (this.state === "busy") this.recordReply();
    this.state = "closed";
    this.pending = EMPTY;
    this.closeFile();
    this.serving.connections.delete(this.id);
    this.channel.close();
  }
}
