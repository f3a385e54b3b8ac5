/** What all connections share. */
import { AccessLog } from "./access-log.ts";
import { clientAddress } from "./client-address.ts";
import type { Connection } from "./connection/connection.ts";
import { PageMemory } from "./connection/page-memory.ts";
import type { MixContent } from "./content-hash.ts";
import { HashTask } from "./hash-task.ts";
import type { Head } from "./head/head.ts";
import { HeadMemory } from "./head/head-memory.ts";
import { formatHttpDate } from "./http-date.ts";
import { Metrics } from "./metrics.ts";
import type { Options } from "./options/options.ts";
import type { Representation } from "./representation.ts";
import { Site } from "./site/site.ts";

/** Descriptors that are not connections: standard streams, the listener, the poller, files being hashed. */
const reservedDescriptors = 16;
const sweepMs = 1000;
/** So many big files are hashed in turn, that one of a few megabytes need not wait for one of gigabytes. */
const hashedAtOnce = 8;

export class Serving {
  readonly options: Options;
  readonly site: Site;
  readonly metrics: Metrics;
  readonly accessLog: AccessLog;
  readonly headMemory = new HeadMemory();
  readonly pageMemory = new PageMemory(512);
  /** Apart, so that whoever asks for what is not there drives out no page. */
  readonly missingMemory = new PageMemory(64);
  /** By the runtime's number for each. */
  readonly connections = new Map<number, Connection>();
  /** Set while the server drains: no connection is kept for another request. */
  isDraining = false;
  /** The time of the turn of the loop that is under way. */
  nowMs = 0;
  /** The same in whole seconds. */
  second = 0;
  /** Whether somebody wants to know how long answers take. */
  readonly isTimed: boolean;
  private lapStartMs = 0;
  private readonly mix: MixContent;
  private tasks: HashTask[] = [];
  private taskIndex = 0;
  private sweptMs = 0;
  private dateSecond = -1;
  private date = "";
  constructor(options: Options, mix: MixContent) {
    this.options = options;
    this.mix = mix;
    this.site = new Site(options, mix);
    this.metrics = new Metrics(options.site);
    this.accessLog = new AccessLog(options.logFormat);
    this.isTimed = options.hasMetrics || this.accessLog.isJson;
    this.beginTurn();
  }

  /** To be called by the runtime before it hands over what a turn of its loop brought. */
  beginTurn(): void {
    this.nowMs = Date.now();
    this.second = Math.floor(this.nowMs / 1000);
    if (this.isTimed) this.lapStartMs = performance.now();
  }

  /** Since the last call or the turn's beginning: what an answer that goes out at once took, for one look at the clock. */
  lapMs(): number {
    const now = performance.now();
    const elapsedMs = now - this.lapStartMs;
    this.lapStartMs = now;
    return elapsedMs;
  }

  /** Who the client is, for the log; asked once for the requests of a client whose fields stay the same. */
  clientOf(head: Head, peer: string): string {
    const trusted = this.options.trustedProxies;
    if (trusted.length === 0) return peer;
    if (head.logPeer !== peer || peer === "") {
      head.logPeer = peer;
      head.logClient = clientAddress(peer, head.xForwardedFor, head.forwarded, trusted);
    }
    return head.logClient;
  }

  /** The Date field's line, made once a second. */
  dateField(): string {
    if (this.second !== this.dateSecond) {
      this.dateSecond = this.second;
      this.date = `Date: ${formatHttpDate(this.nowMs)}\r\n`;
    }
    return this.date;
  }

  /** The task that makes the tag of a big file: the one under way, or a new one. */
  hashTaskFor(representation: Representation): HashTask {
    for (const known of this.tasks) {
      if (known.isFor(representation)) return known;
    }
    const task = new HashTask(representation, this.mix);
    this.tasks.push(task);
    return task;
  }

  hasTasks(): boolean {
    return this.tasks.length > 0;
  }

  /** A step of one background task: requests wait for no more than that. */
  stepTasks(): void {
    this.taskIndex = (this.taskIndex + 1) % Math.min(hashedAtOnce, Math.max(1, this.tasks.length));
    const task = this.tasks[this.taskIndex];
    if (task !== undefined && !task.step()) this.tasks.splice(this.taskIndex, 1);
  }

  /** Time limits, once a second, and the log. To be called at the end of each turn. */
  endTurn(): void {
    this.accessLog.flushIfDue(this.nowMs);
    if (this.nowMs - this.sweptMs >= sweepMs || this.nowMs < this.sweptMs) this.sweep();
  }

  /** Apart, since natively a function that makes another one makes an object at its start. */
  private sweep(): void {
    this.sweptMs = this.nowMs;
    this.connections.forEach((connection) => {
      connection.checkDeadline(this.nowMs);
    });
  }

  /** How long the loop may sleep, in milliseconds; -1 for without end. */
  sleepMs(): number {
    if (this.tasks.length > 0) return 0;
    const logMs = this.accessLog.dueInMs(this.nowMs);
    if (this.connections.size === 0) return logMs;
    return logMs < 0 ? sweepMs : Math.min(logMs, sweepMs);
  }

  drain(): void {
    this.isDraining = true;
    this.connections.forEach((connection) => {
      connection.drain();
    });
  }

  dropAll(): void {
    this.connections.forEach((connection) => {
      connection.drop();
    });
  }
}

/** How many connections a limit of descriptors bears, with an open file for each; `most` where that is fewer and not 0. */
export function connectionLimit(descriptorLimit: number, most: number): number {
  const bearable = Math.max(1, Math.floor((descriptorLimit - reservedDescriptors) / 2));
  return most === 0 ? bearable : Math.min(most, bearable);
}

/** The answer to a connection beyond the limit. */
export const overloadText =
  "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
