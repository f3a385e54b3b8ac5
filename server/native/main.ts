/** The server's process in the native build: its own event loop over epoll. On Node it is ../main.ts. */
import { Connection } from "../connection/connection.ts";
import { HealthQuestion, healthTimeoutMs } from "../healthcheck.ts";
import { parseListenAddress } from "../options/listen-address.ts";
import type { Options } from "../options/options.ts";
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
  sgMix,
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
  /** By descriptor. One that is over stays until its number comes again. */
  private readonly connections: Connection[] = [];
  private listener: number;
  /** Since when accepting rests; 0 where it does not. */
  private restsSinceMs = 0;
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
      if (signal === 1) serving.site.reload();
      this.handle(count);
      // After what came with the signal: a request that was on its way is none to lose.
      if (signal === 15 || signal === 2) this.drain();
      if (serving.hasTasks()) serving.stepTasks();
      serving.endTurn();
      // The clock may have been set back.
      if (this.restsSinceMs > 0 && Math.abs(serving.nowMs - this.restsSinceMs) >= restMs)
        this.watchListener(true);
      if (this.stopMs > 0 && serving.nowMs >= this.stopMs) serving.dropAll();
    }
    serving.accessLog.flush();
  }

  private sleepMs(): number {
    const sleep = this.serving.sleepMs();
    if (this.restsSinceMs > 0) return sleep < 0 ? restMs : Math.min(sleep, restMs);
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
    // biome-ignore lint/style/noNonNullAssertion: only descriptors of connections are watched; a Map would make an object of it
    const connection = this.connections[fd]!;
    if (connection.isOver()) return;
    if (flags >= gone) {
      connection.drop();
      return;
    }
    if (flags >= writable) {
      if (connection.channel.flush()) connection.proceed();
      if (!connection.isOver()) connection.channel.watch();
    }
    if (flags % writable === readable && !connection.isOver()) this.receive(fd, connection);
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
      if (fd === broken) this.watchListener(false);
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
      const connection = new Connection(fd, channel, serving);
      serving.connections.set(fd, connection);
      // Numbers between are of descriptors that are no connections, and never looked up.
      while (this.connections.length <= fd) this.connections.push(connection);
      this.connections[fd] = connection;
    }
  }

  /** Out of descriptors, epoll would report the waiting connection again and again: the listener rests. */
  private watchListener(isWatched: boolean): void {
    this.restsSinceMs = isWatched ? 0 : this.serving.nowMs;
    if (this.listener >= 0) sgWatch(this.listener, isWatched ? readable : 0);
  }

  private drain(): void {
    if (this.serving.isDraining) return;
    // Closing the listener resets the clients that the kernel has taken and nobody has accepted.
    this.accept();
    sgClose(this.listener);
    this.listener = -1;
    this.stopMs = this.serving.nowMs + this.serving.options.graceMs;
    this.serving.drain();
  }
}

function mix(state: Buffer, content: Buffer, lengthBytes: number): void {
  sgMix(state, content, lengthBytes);
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
  new Loop(new Serving(options, mix), listener).run();
}

const options = start(process.argv.slice(2));
if (options !== null && options.command === "healthcheck") checkHealth(options);
else if (options !== null) serve(options);
