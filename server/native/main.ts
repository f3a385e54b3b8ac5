/** The server's process in the native build: its own event loop over epoll. On Node it is ../main.ts. */
import { Connection } from "../connection.ts";
import { HealthQuestion, healthTimeoutMs } from "../healthcheck.ts";
import { type Options, parseListenAddress } from "../options.ts";
import { connectionLimit, overloadText, Serving } from "../serving.ts";
import { announce, fail, listenProblem, start } from "../start.ts";
import { EpollChannel } from "./epoll-channel.ts";
import {
  broken,
  gone,
  readable,
  sgAccept,
  sgClose,
  sgConnect,
  sgDescriptorLimit,
  sgEnd,
  sgEventDescriptor,
  sgEventFlags,
  sgListen,
  sgOpen,
  sgPeer,
  sgReceive,
  sgSend,
  sgSignal,
  sgWait,
  sgWatch,
  writable,
} from "./functions.ts";

/** New connections a turn: above, those that are there wait too long. */
const acceptsPerTurn = 64;
const receiveBytes = 64 * 1024;
/** How long accepting rests where descriptors or memory ran out. */
const restMs = 100;

function errorName(errno: number): string {
  if (errno === 98) return "EADDRINUSE";
  if (errno === 13) return "EACCES";
  if (errno === 99) return "EADDRNOTAVAIL";
  return `error ${errno}`;
}

function checkHealth(options: Options): void {
  const question = new HealthQuestion(options);
  const fd = sgConnect(question.host, question.port, healthTimeoutMs);
  if (fd < 0) {
    fail(`no connection to ${question.where}`, 1);
    return;
  }
  const answer = Buffer.alloc(1024);
  sgSend(fd, Buffer.from(question.request, "latin1"), 0, 0);
  const count = sgReceive(fd, answer);
  sgClose(fd);
  const problem = question.judge(count > 0 ? answer.toString("latin1", 0, count) : "");
  if (problem !== "") fail(problem, 1);
}

class Loop {
  private readonly serving: Serving;
  private readonly input: Buffer = Buffer.allocUnsafe(receiveBytes);
  private readonly peer: Buffer = Buffer.alloc(64);
  private readonly maxConnections: number;
  private listener: number;
  private isResting = false;
  private stopMs = 0;

  constructor(serving: Serving, listener: number) {
    this.serving = serving;
    this.listener = listener;
    this.maxConnections = connectionLimit(sgDescriptorLimit(), serving.options.maxConnections);
  }

  run(): void {
    const serving = this.serving;
    while (this.listener >= 0 || serving.connections.size > 0) {
      const count = sgWait(this.sleepMs());
      serving.beginTurn();
      const signal = sgSignal();
      if (signal === 15 || signal === 2) this.drain();
      else if (signal === 1) serving.site.reload();
      this.handle(count);
      serving.stepTasks();
      serving.endTurn();
      if (this.isResting) this.rest(false);
      if (this.stopMs > 0 && serving.nowMs >= this.stopMs) serving.dropAll();
    }
    serving.accessLog.flush();
  }

  private sleepMs(): number {
    const sleep = this.serving.sleepMs();
    if (this.isResting) return sleep < 0 ? restMs : Math.min(sleep, restMs);
    return sleep;
  }

  /** A new descriptor may have the number of one that was closed in this turn, so accepting comes last. */
  private handle(count: number): void {
    let hasNew = false;
    for (let i = 0; i < count; i++) {
      const fd = sgEventDescriptor(i);
      if (fd === this.listener) hasNew = true;
      else this.handleEvent(fd, sgEventFlags(i));
    }
    if (hasNew) this.accept();
  }

  private handleEvent(fd: number, flags: number): void {
    const connection = this.serving.connections.get(fd);
    if (connection === undefined) return;
    if (flags >= gone) {
      connection.drop();
      return;
    }
    if (flags >= writable) {
      if (connection.channel.flush()) connection.proceed();
      if (this.serving.connections.has(fd)) connection.channel.watch();
    }
    if (flags % writable === readable && this.serving.connections.has(fd)) this.receive(fd, connection);
  }

  private receive(fd: number, connection: Connection): void {
    const count = sgReceive(fd, this.input);
    if (count > 0) connection.receive(this.input, count);
    else if (count === 0) connection.peerEnded();
    else if (count === broken) connection.drop();
  }

  private accept(): void {
    const serving = this.serving;
    for (let i = 0; i < acceptsPerTurn; i++) {
      const fd = sgAccept(this.listener);
      if (fd === broken) this.rest(true);
      if (fd < 0) return;
      if (serving.connections.size >= this.maxConnections) {
        sgSend(fd, Buffer.from(overloadText, "latin1"), 0, 0);
        sgEnd(fd);
        sgClose(fd);
        continue;
      }
      const length = sgPeer(this.peer);
      const text = this.peer.toString("latin1", 0, length);
      const channel = new EpollChannel(fd, text.startsWith("::ffff:") ? text.slice(7) : text);
      serving.connections.set(fd, new Connection(fd, channel, serving));
    }
  }

  /** Out of descriptors, epoll would report the waiting connection again and again. */
  private rest(isResting: boolean): void {
    this.isResting = isResting;
    if (this.listener >= 0) sgWatch(this.listener, isResting ? 0 : readable);
  }

  private drain(): void {
    if (this.serving.isDraining) return;
    sgClose(this.listener);
    this.listener = -1;
    this.stopMs = this.serving.nowMs + this.serving.options.graceMs;
    this.serving.drain();
  }
}

function serve(options: Options): void {
  const address = parseListenAddress(options.listenAddress);
  sgOpen();
  const listener = sgListen(address.host, address.port);
  if (listener < 0) {
    fail(listenProblem(options.listenAddress, errorName(-listener)), 1);
    return;
  }
  announce(options);
  new Loop(new Serving(options), listener).run();
}

const options = start(process.argv.slice(2));
if (options !== null && options.command === "healthcheck") checkHealth(options);
else if (options !== null) serve(options);
