/**
 * One client's connection, as a state machine: receive → head → reply → (file) → head … → close.
 * Every entry here catches its own errors: natively an exception that leaves the event loop ends the process.
 */
import { Head } from "../head/head.ts";
import { headIncomplete } from "../head/head-end.ts";
import { noReply, type Reply, replyWithError } from "../reply.ts";
import type { Serving } from "../serving.ts";
import type { Channel } from "./channel.ts";
import { headOf, knownReply, sendKnown, sendWhole } from "./known-answers.ts";
import { Lookup } from "./lookup.ts";
import { answerItself } from "./own-answers.ts";
import { recordReply } from "./record.ts";
import { contentMalformed, RequestReader } from "./request-reader.ts";
import { Transfer, transferBroken, transferDone } from "./transfer.ts";

const EMPTY = Buffer.alloc(0);
const CR = 13;
const lingerTimeoutMs = 2_000;
/** For the first request of a client that connected before the server began to drain. */
const lastRequestTimeoutMs = 2_000;
/** A terabyte. */
const hashTimeoutMs = 3_600_000;

/** Shared by connections that are between requests, which is what most connections are. */
const noHead = new Head();

/** States are numbers: natively, comparing text costs a hundred instructions. Between heads or within one. */
const inHead = 0;
/** A reply is under way. */
const busy = 1;
/** The client has to take what it was sent. */
const full = 2;
/** The client was told, its end is awaited. */
const closing = 3;
const closed = 4;

export class Connection {
  private readonly id: number;
  readonly channel: Channel;
  private readonly serving: Serving;
  private state = inHead;
  private readonly reader = new RequestReader();
  /** What was received and not read. */
  private pending: Buffer = EMPTY;
  private hasPeerEnded = false;
  private head: Head = noHead;
  private reply: Reply = noReply;
  private readonly transfer: Transfer;
  private startedMs = 0;
  /** When the time limit of the state runs out. */
  private deadlineMs: number;
  private sentAtDeadline = 0;

  constructor(id: number, channel: Channel, serving: Serving) {
    this.id = id;
    this.channel = channel;
    this.serving = serving;
    this.transfer = new Transfer(channel);
    this.deadlineMs = serving.nowMs + serving.options.headerTimeoutMs;
  }

  isOver(): boolean {
    return this.state === closed;
  }

  /** Takes what came in, `length` bytes; the buffer is the caller's again afterwards. */
  receive(input: Buffer, length: number): void {
    if (this.state === closing || this.state === closed) return;
    try {
      const isFirst = this.pending.length === 0;
      if (this.state === inHead && isFirst) this.readRequests(input, length);
      else {
        const joined = Buffer.concat([this.pending, input.subarray(0, length)]);
        if (this.state === inHead) this.readRequests(joined, joined.length);
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
      if (this.state === busy) this.continueReply();
      else if (this.state === full && this.channel.isReady()) this.awaitRequest();
      if (this.state === inHead) this.resume();
    } catch {
      this.drop();
    }
  }

  /** The client will send no more; it may still be waiting for its answer. */
  peerEnded(): void {
    this.hasPeerEnded = true;
    if (this.state === inHead || this.state === closing) this.drop();
  }

  /** Takes requests for as long as their replies go out at once; keeps what is left. */
  private readRequests(input: Buffer, length: number): void {
    const reader = this.reader;
    let at = 0;
    while (this.state === inHead && at < length) {
      const start = reader.skip(input, at, length);
      if (start === contentMalformed) {
        this.endConnection();
        break;
      }
      at = start;
      // Nothing, or what may be the first half of an empty line.
      if (at >= length || (at + 1 === length && reader.scanned === 0 && input[at] === CR)) break;
      const end = this.readHead(input, at, length);
      if (end < 0) break;
      at = end;
    }
    // "closing" and "closed" read nothing more. A copy, since the input is the caller's.
    if (at >= length || this.state === closing || this.state === closed) this.pending = EMPTY;
    else this.pending = Buffer.from(input.subarray(at, length));
  }

  /** Answers the request whose head starts at `at`; returns the head's end, or less than 0 where reading stops. */
  private readHead(input: Buffer, at: number, length: number): number {
    const reader = this.reader;
    const serving = this.serving;
    const memory = serving.headMemory;
    const isBegun = reader.scanned > 0;
    if (!isBegun && !serving.isDraining) {
      const end = memory.recallPlain(input, at, length);
      if (end >= 0 && this.answerKnown(input, at)) return end;
    }
    const end = reader.readHead(memory, input, at, length, serving.options.hasAccessLog);
    if (end === headIncomplete) {
      if (!isBegun) this.deadlineMs = serving.nowMs + serving.options.headerTimeoutMs;
      return end;
    }
    if (end < 0) {
      this.refuse(-end);
      return end;
    }
    this.answer(memory.head);
    this.releaseHead();
    return end;
  }

  /** Between requests the memory's head is anybody's; while a reply is under way it is this connection's. */
  private releaseHead(): void {
    if (this.state === inHead) this.head = noHead;
    else this.serving.headMemory.forget();
  }

  /** Answers a request whose fields are remembered, where what its line asks for is known too. */
  private answerKnown(input: Buffer, at: number): boolean {
    const serving = this.serving;
    const memory = serving.headMemory;
    if (sendKnown(serving, this.channel, input, at, memory.lineEnd)) {
      if (this.channel.isReady()) this.deadlineMs = serving.nowMs + serving.options.idleTimeoutMs;
      else this.state = full;
      return true;
    }
    const reply = knownReply(serving, input, at, memory.lineEnd);
    const source = reply.source;
    if (source === null || (memory.head.method === "GET" && !this.transfer.open(source))) return false;
    this.head = memory.head;
    this.startedMs = performance.now();
    this.send(reply);
    this.releaseHead();
    return true;
  }

  /** Answers what is no request, and closes. */
  private refuse(status: number): void {
    const head = new Head();
    head.error = status;
    head.keepAlive = false;
    this.answer(head);
  }

  private answer(head: Head): void {
    const serving = this.serving;
    this.head = head;
    this.startedMs = performance.now();
    if (head.error !== 0) {
      this.send(replyWithError(head.error, ""));
      return;
    }
    // Content of a request is of no use here: little is skipped, much ends the connection.
    if (head.expect !== "" || !this.reader.skipContentOf(head)) head.keepAlive = false;
    if (serving.isDraining) head.keepAlive = false;
    const own = answerItself(serving, head);
    if (own !== noReply) this.send(own);
    else {
      const lookup = new Lookup(serving, head, this.transfer);
      this.sendFound(lookup, lookup.findReply());
    }
  }

  /** @param reply noReply where the lookup goes on once the tag is made that it waits for */
  private sendFound(lookup: Lookup, reply: Reply): void {
    if (reply !== noReply) {
      this.send(reply);
      return;
    }
    this.state = busy;
    this.deadlineMs = this.serving.nowMs + hashTimeoutMs;
    this.awaitTag(lookup);
  }

  /** Apart, since natively a function that makes another one makes an object at its start. */
  private awaitTag(lookup: Lookup): void {
    lookup.whenTagged((isTagged: boolean) => {
      this.resumeLookup(lookup, isTagged);
    });
  }

  private resumeLookup(lookup: Lookup, isTagged: boolean): void {
    if (this.state === closed) return;
    try {
      this.sendFound(lookup, lookup.resume(isTagged));
      if (this.state === inHead) this.resume();
    } catch {
      this.drop();
    }
  }

  private send(reply: Reply): void {
    const serving = this.serving;
    const head = this.head;
    this.state = busy;
    this.deadlineMs = serving.nowMs + serving.options.writeTimeoutMs;
    this.reply = reply;
    if (sendWhole(serving, this.channel, head, reply)) {
      this.finishReply();
      return;
    }
    const text = headOf(serving, head, reply);
    const hasContent = head.method !== "HEAD" && reply.hasContent;
    this.follow(this.transfer.begin(reply, text, hasContent));
  }

  private continueReply(): void {
    if (this.reply === noReply) return;
    // A client that took what it was sent has time for the rest.
    if (this.channel.isReady()) this.deadlineMs = this.serving.nowMs + this.serving.options.writeTimeoutMs;
    this.follow(this.transfer.proceed());
  }

  private follow(transfer: number): void {
    if (transfer === transferBroken) this.drop();
    else if (transfer === transferDone) this.finishReply();
  }

  private finishReply(): void {
    this.record();
    if (!this.head.keepAlive || this.hasPeerEnded) this.endConnection();
    else if (this.channel.isReady()) this.awaitRequest();
    else this.state = full;
  }

  private awaitRequest(): void {
    this.state = inHead;
    this.head = noHead;
    this.reply = noReply;
    this.deadlineMs = this.serving.nowMs + this.serving.options.idleTimeoutMs;
    if (this.serving.isDraining) this.endConnection();
  }

  /** Goes on with what was received while a reply was under way. */
  private resume(): void {
    this.channel.resumeReading();
    const pending = this.pending;
    this.pending = EMPTY;
    if (pending.length > 0) this.readRequests(pending, pending.length);
    if (this.hasPeerEnded && this.state === inHead) this.drop();
  }

  private record(): void {
    if (this.reply === noReply) return;
    recordReply(this.serving, this.channel, this.head, this.reply, this.transfer.remaining, this.startedMs);
  }

  /**
   * Ends our side and goes on reading for a moment: closed at once, with bytes of the client unread, the
   * kernel would send a reset, which can take the reply with it (RFC 9112 9.6).
   */
  private endConnection(): void {
    this.state = closing;
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
    if (this.state !== inHead && sent > this.sentAtDeadline) {
      // A client that takes its bytes, however slowly, is let go on.
      this.sentAtDeadline = sent;
      this.deadlineMs =
        nowMs + (this.state === closing ? lingerTimeoutMs : this.serving.options.writeTimeoutMs);
    } else if (this.state === inHead && this.reader.scanned > 0) this.refuse(408);
    else this.drop();
  }

  /**
   * For a server that drains: an idle connection is closed, a busy one after its reply. One that has asked for nothing
   * yet is about to: clients repeat what fails on a connection that was kept, not what fails on a new one.
   */
  drain(): void {
    const isIdle = this.state === inHead && this.reader.scanned === 0;
    if (isIdle && this.channel.sentBytes === 0)
      this.deadlineMs = Math.min(this.deadlineMs, this.serving.nowMs + lastRequestTimeoutMs);
    else if (isIdle) this.drop();
    else if (this.head !== noHead) this.head.keepAlive = false;
  }

  /** Ends it without a word; a reply that was under way is logged with what was sent of it. */
  drop(): void {
    if (this.state === closed) return;
    if (this.state === busy) this.record();
    this.state = closed;
    this.pending = EMPTY;
    this.reply = noReply;
    this.head = noHead;
    this.transfer.close();
    this.serving.connections.delete(this.id);
    this.channel.close();
  }
}
