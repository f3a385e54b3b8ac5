/** The server on Node's sockets: what the process runs, and `statigo serve` in its own. */
import * as net from "node:net";
import { Connection } from "./connection/connection.ts";
import { descriptorLimit, NodeChannel } from "./node-channel.ts";
import { mixContent } from "./node-hash.ts";
import type { Options } from "./options/options.ts";
import { connectionLimit, overloadText, Serving } from "./serving.ts";

const tickMs = 50;

/** Hands a socket's events to its connection, each as a turn of the server. */
function accept(serving: Serving, socket: net.Socket, id: number): void {
  const turn = (work: () => void) => () => {
    serving.beginTurn();
    work();
    if (serving.hasTasks()) runTasks(serving);
  };
  const channel = new NodeChannel(
    socket,
    turn(() => connection.proceed()),
  );
  const connection = new Connection(id, channel, serving);
  serving.connections.set(id, connection);
  socket.on("data", (chunk: Buffer) => turn(() => connection.receive(chunk, chunk.length))());
  socket.on(
    "end",
    turn(() => connection.peerEnded()),
  );
  socket.on("error", () => connection.drop());
  socket.on("close", () => connection.drop());
}

const withTasksRunning = new WeakSet<Serving>();

/** Hashes on in the pauses between events. */
function runTasks(serving: Serving): void {
  if (withTasksRunning.has(serving)) return;
  withTasksRunning.add(serving);
  setImmediate(() => {
    withTasksRunning.delete(serving);
    serving.beginTurn();
    serving.stepTasks();
    if (serving.hasTasks()) runTasks(serving);
  });
}

export interface NodeServer {
  readonly serving: Serving;
  /** To be listened with; it is the caller's to hear its errors. */
  readonly listener: net.Server;
  /** Takes no more connections, ends those that wait, and the others once they are answered or the grace is over. */
  drain(): void;
}

export function createNodeServer(options: Options): NodeServer {
  const serving = new Serving(options, mixContent);
  const maxConnections = connectionLimit(descriptorLimit(), options.maxConnections);
  let nextId = 1;
  const listener = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    if (serving.connections.size >= maxConnections) {
      socket.on("error", () => {});
      socket.end(overloadText);
      return;
    }
    accept(serving, socket, nextId);
    nextId += 1;
  });
  const ticks = setInterval(() => {
    serving.beginTurn();
    serving.endTurn();
  }, tickMs);
  listener.on("error", () => clearInterval(ticks));
  /** Node accepts one connection a turn of its loop: after a turn without one there is none. */
  const whenAllAccepted = (work: () => void): void => {
    let seenId = 0;
    const look = (): void => {
      if (nextId === seenId) {
        work();
        return;
      }
      seenId = nextId;
      setImmediate(look);
    };
    setImmediate(look);
  };
  let isEnding = false;
  const drain = (): void => {
    if (isEnding) return;
    isEnding = true;
    const hardStop = setTimeout(() => serving.dropAll(), options.graceMs);
    // Closing the listener resets what the kernel has taken and nobody has accepted.
    whenAllAccepted(() => {
      listener.close(() => {
        clearInterval(ticks);
        clearTimeout(hardStop);
        serving.accessLog.flush();
      });
      serving.beginTurn();
      serving.drain();
    });
  };
  return { serving, listener, drain };
}
