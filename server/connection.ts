/**
 * One client's connection, as a state machine: receive → head → reply → (file) → head … → close.
 * Every callback here catches its own errors: natively an exception that leaves one ends the process.
 */
import * as fs from "node:fs";
import type { Socket } from "node:net";
import { findHeadEnd, Head, headIncomplete, headMalformed, oversizeStatus, parseHead } from "./head.ts";
import { Reply, renderHead, replyWithError, replyWithoutContent, replyWithText } from "./reply.ts";
import { hashInSlices, isUnchanged, type Representation, readFully } from "./representation.ts";
import { concludeAnswer, type Finding, findAnswer } from "./respond.ts";
import type { Serving } from "./serving.ts";
import { hashAtOnceBytes } from "./site.ts";

const EMPTY = Buffer.alloc(0);
/** Content up to this size goes out with its head in one write; more is read and written in chunks of it. */
const chunkBytes = 64 * 1024;
/** Pipelined replies beyond this wait until the client has taken the former ones. */
const unflushedLimitBytes = 256 * 1024;
/** Content of a request is discarded up to here, to keep the connection; beyond, it is closed. */
const discardLimitBytes = 1024 * 1024;
const yieldEveryChunks = 8;

export const headTimeoutMs = 15_000;
export const idleTimeoutMs = 75_000;
const writeTimeoutMs = 60_000;
const lingerTimeoutMs = 2_000;

/** Calls back once what was written has reached the kernel. The runtime's typed write() takes no callback. */
// biome-ignore lint/suspicious/noExplicitAny: the native runtime offers write's callback through an untyped handle only
function whenFlushed(socket: any, done: () => void): void {
  socket.write(EMPTY, done);
}

/** `::ffff:192.0.2.1` is an IPv4 client on a dual-stack socket. */
function plainAddress(address: string | undefined): string {
  if (address === undefined || address === "") return "-";
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}

export class Connection {
  private readonly id: number;
  private readonly socket: Socket;
  private readonly serving: Serving;
  private readonly address: string;
  /** "head": between or within heads. "busy": a reply is under way. "closing": told the client, awaiting its end. */
  private state: "head" | "busy" | "closing" | "closed" = "head";
  private pending: Buffer = EMPTY;
  /** Where the search for the head's end goes on. */
  private scanned = 0;
  private discardBytes = 0;
  private unflushedBytes = 0;
  /** What is sent now. */
  private head = new Head();
  private reply = new Reply(0, "");
  private startedMs = 0;
  private fd = -1;
  private position = 0;
  private remaining = 0;
  private chunksSinceYield = 0;
  /** When the time limit of the state runs out. */
  private deadlineMs: number;
  private writtenAtDeadline = 0;

  constructor(id: number, socket: Socket, serving: Serving, nowMs: number) {
    this.id = id;
    this.socket = socket;
    this.serving = serving;
    this.address = plainAddress(socket.remoteAddress);
    this.deadlineMs = nowMs + headTimeoutMs;
    socket.on("data", (chunk: Buffer) => {
      this.receive(chunk);
    });
    socket.on("error", () => {
      this.drop();
    });
    socket.on("close", () => {
      this.drop();
    });
  }

  private receive(chunk: Buffer): void {
    if (this.state === "closing" || this.state === "closed") return;
    try {
      this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
      if (this.state === "busy") this.socket.pause();
      else this.readRequests();
    } catch {
      this.drop();
    }
  }

  /** Takes requests from what was received for as long as their replies go out at once. */
  private readRequests(): void {
    while (this.state === "head") {
      if (this.discardBytes > 0) this.discard();
      this.skipEmptyLines();
      if (this.discardBytes > 0 || this.pending.length === 0) break;
      const end = findHeadEnd(this.pending, 0, this.scanned);
      if (end === headIncomplete) {
        this.awaitRestOfHead();
        break;
      }
      this.scanned = 0;
      if (end === headMalformed) {
        this.refuse(400);
        break;
      }
      const head = parseHead(this.pending, 0, end);
      this.pending = this.pending.subarray(end);
      this.answer(head);
    }
    // A small buffer of its own lets go of the chunk that it was part of.
    if (this.pending.length === 0) this.pending = EMPTY;
  }

  private awaitRestOfHead(): void {
    const status = oversizeStatus(this.pending, 0);
    if (status !== 0) this.refuse(status);
    else {
      if (this.scanned === 0) this.deadlineMs = Date.now() + headTimeoutMs;
      this.scanned = this.pending.length;
    }
  }

  private discard(): void {
    const count = Math.min(this.discardBytes, this.pending.length);
    this.pending = this.pending.subarray(count);
    this.discardBytes -= count;
  }

  /** RFC 9112 2.2: an empty line before a request is ignored. */
  private skipEmptyLines(): void {
    if (this.scanned > 0) return;
    const pending = this.pending;
    let start = 0;
    while (start + 1 < pending.length && pending[start] === 13 && pending[start + 1] === 10) start += 2;
    if (start > 0) this.pending = pending.subarray(start);
  }

  /** Answers what is no request, and closes. */
  private refuse(status: number): void {
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

  /** Health and metrics. */
  private answerItself(head: Head): Reply | null {
    const options = this.serving.options;
    if (head.method !== "GET" && head.method !== "HEAD") return null;
    const question = head.target.indexOf("?");
    const path = question < 0 ? head.target : head.target.slice(0, question);
    let reply: Reply | null = null;
    if (path === options.healthUrl) reply = replyWithoutContent(204, "");
    else if (options.hasMetrics && path === options.metricsUrl) {
      reply = replyWithText(
        200,
        "",
        "text/plain; version=0.0.4; charset=utf-8",
        this.serving.metrics.render(),
      );
    }
    if (reply !== null) reply.isRecorded = false;
    return reply;
  }

  /** @param tries how often to look again where a file changes between being found and being opened */
  private answerFromSite(tries: number): void {
    const nowMs = Date.now();
    const finding = findAnswer(this.head, this.serving.site, this.serving.options.notFoundFilename, nowMs);
    const representation = finding.representation;
    if (representation === null || (representation.etag !== "" && representation.isKept)) {
      this.send(concludeAnswer(this.head, finding, nowMs));
      return;
    }
    try {
      if (representation.sizeBytes <= hashAtOnceBytes && representation.etag === "") {
        if (!this.serving.site.prepare(representation)) this.lookAgain(finding, tries);
        else this.sendFile(finding, tries);
      } else if (representation.etag === "") this.hashThenSend(finding, representation, tries);
      else this.sendFile(finding, tries);
    } catch {
      this.lookAgain(finding, tries);
    }
  }

  private lookAgain(finding: Finding, tries: number): void {
    if (finding.resource !== null) this.serving.site.forget(finding.resource);
    if (tries > 0) this.answerFromSite(tries - 1);
    else this.send(replyWithError(503, "Retry-After: 1\r\n"));
  }

  private hashThenSend(finding: Finding, representation: Representation, tries: number): void {
    this.begin();
    const fd = fs.openSync(representation.file, "r");
    if (!isUnchanged(fd, representation)) {
      fs.closeSync(fd);
      this.lookAgain(finding, tries);
      return;
    }
    hashInSlices(fd, representation.sizeBytes, (etag: string) => {
      fs.closeSync(fd);
      representation.etag = etag;
      try {
        if (this.state === "closed") return;
        if (etag === "") this.lookAgain(finding, tries);
        else this.sendFile(finding, tries);
      } catch {
        this.drop();
      }
    });
  }

  /** Concludes the reply of a file whose tag is known, and opens the file where its content is not in memory. */
  private sendFile(finding: Finding, tries: number): void {
    const reply = concludeAnswer(this.head, finding, Date.now());
    const source = reply.source;
    if (source !== null && !source.isKept && this.head.method === "GET" && reply.length > 0) {
      const fd = fs.openSync(source.file, "r");
      if (!isUnchanged(fd, source)) {
        fs.closeSync(fd);
        this.lookAgain(finding, tries);
        return;
      }
      this.fd = fd;
    }
    this.send(reply);
  }

  private begin(): void {
    this.state = "busy";
    this.deadlineMs = Date.now() + writeTimeoutMs;
  }

  private send(reply: Reply): void {
    this.begin();
    this.reply = reply;
    const head = this.head;
    const text = renderHead(reply, this.serving.dateAt(Date.now()), head.minor, head.keepAlive);
    const length = head.method === "HEAD" || !reply.hasContent ? 0 : reply.length;
    const first = Math.min(length, chunkBytes);
    const bytes = Buffer.allocUnsafe(text.length + first);
    bytes.write(text, 0, "latin1");
    const source = reply.source;
    this.position = reply.start;
    this.remaining = length;
    if (length > 0 && source !== null && source.isKept) {
      source.content.copy(bytes, text.length, reply.start, reply.start + first);
      this.advance(first);
    } else if (length > 0 && source === null) {
      reply.content.copy(bytes, text.length, 0, first);
      this.advance(first);
    } else if (length > 0) {
      const target = bytes.subarray(text.length);
      if (readFully(this.fd, target, first, this.position) !== first) {
        this.abort();
        return;
      }
      this.advance(first);
    }
    this.write(bytes);
    if (this.remaining > 0) this.sendNextChunk();
    else this.finishReply();
  }

  private advance(count: number): void {
    this.position += count;
    this.remaining -= count;
  }

  private write(bytes: Buffer): void {
    this.unflushedBytes += bytes.length;
    this.socket.write(bytes);
  }

  /** Waits until the client took the last chunk, then reads the next; so a slow client costs one chunk of memory. */
  private sendNextChunk(): void {
    whenFlushed(this.socket, () => {
      if (this.state === "closed") return;
      this.unflushedBytes = 0;
      this.chunksSinceYield += 1;
      // Natively timers starve while flush callbacks stay ready.
      if (this.chunksSinceYield % yieldEveryChunks === 0) setImmediate(() => this.pumpChunk());
      else this.pumpChunk();
    });
  }

  private pumpChunk(): void {
    if (this.state === "closed") return;
    try {
      this.deadlineMs = Date.now() + writeTimeoutMs;
      const count = Math.min(this.remaining, chunkBytes);
      const bytes = Buffer.allocUnsafe(count);
      const source = this.reply.source;
      if (source === null) this.reply.content.copy(bytes, 0, this.position, this.position + count);
      else if (readFully(this.fd, bytes, count, this.position) !== count) {
        this.abort();
        return;
      }
      this.advance(count);
      this.write(bytes);
      if (this.remaining > 0) this.sendNextChunk();
      else this.finishReply();
    } catch {
      this.abort();
    }
  }

  /** The file got shorter while being sent: the client can only be told by a connection that ends too early. */
  private abort(): void {
    this.record();
    this.drop();
  }

  private finishReply(): void {
    this.closeFile();
    this.record();
    if (!this.head.keepAlive) {
      this.endConnection();
      return;
    }
    if (this.unflushedBytes <= unflushedLimitBytes) {
      this.awaitRequest();
      return;
    }
    whenFlushed(this.socket, () => {
      if (this.state === "closed") return;
      this.unflushedBytes = 0;
      this.awaitRequest();
      this.resume();
    });
  }

  private awaitRequest(): void {
    this.state = "head";
    this.deadlineMs = Date.now() + idleTimeoutMs;
    if (this.chunksSinceYield > 0) {
      // The reply took several turns: what was received meanwhile is read now.
      this.chunksSinceYield = 0;
      this.unflushedBytes = 0;
      setImmediate(() => this.resume());
    }
  }

  private resume(): void {
    if (this.state !== "head") return;
    try {
      this.socket.resume();
      this.readRequests();
    } catch {
      this.drop();
    }
  }

  private record(): void {
    const reply = this.reply;
    if (!reply.isRecorded) return;
    const serving = this.serving;
    const sent = this.head.method === "HEAD" || !reply.hasContent ? 0 : reply.length - this.remaining;
    if (serving.options.hasMetrics) {
      serving.metrics.record(reply.status, reply.path, (performance.now() - this.startedMs) / 1000);
    }
    if (serving.options.hasAccessLog) {
      serving.accessLog.record(this.address, this.head, reply.status, sent, Date.now());
    }
  }

  /**
   * Ends our side and goes on reading for a moment: closed at once, with bytes of the client unread, the
   * kernel would send a reset, which can take the reply with it (RFC 9112 9.6).
   */
  private endConnection(): void {
    this.state = "closing";
    this.pending = EMPTY;
    this.deadlineMs = Date.now() + lingerTimeoutMs;
    this.socket.end();
    this.socket.resume();
  }

  /** Called once a second. */
  checkDeadline(nowMs: number): void {
    if (nowMs < this.deadlineMs) return;
    if (this.state === "busy" && this.socket.bytesWritten > this.writtenAtDeadline) {
      // A client that takes its bytes, however slowly, is let go on.
      this.writtenAtDeadline = this.socket.bytesWritten;
      this.deadlineMs = nowMs + writeTimeoutMs;
    } else if (this.state === "head" && this.scanned > 0) this.refuse(408);
    else this.drop();
  }

  /** For a server that drains: an idle connection is closed, a busy one after its reply. */
  drain(): void {
    if (this.state === "head" && this.scanned === 0) this.drop();
    else this.head.keepAlive = false;
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

  /** Ends it without a word. */
  drop(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.pending = EMPTY;
    this.closeFile();
    this.serving.connections.delete(this.id);
    if (!this.socket.destroyed) this.socket.destroy();
  }
}
