/** The server's process on Node. The native build's is native/main.ts. */
import * as net from "node:net";
import { Connection } from "./connection.ts";
import { HealthQuestion, healthTimeoutMs } from "./healthcheck.ts";
import { descriptorLimit, NodeChannel } from "./node-channel.ts";
import { type Options, parseListenAddress } from "./options.ts";
import { connectionLimit, overloadText, Serving } from "./serving.ts";
import { announce, fail, listenProblem, start } from "./start.ts";

function checkHealth(options: Options): void {
  const question = new HealthQuestion(options);
  const socket = net.connect({ port: question.port, host: question.host });
  const finish = (problem: string): void => {
    socket.removeAllListeners().on("error", () => {});
    socket.destroy();
    if (problem !== "") fail(problem, 1);
  };
  socket.setTimeout(healthTimeoutMs, () => finish(question.judge("")));
  socket.on("error", () => finish(`no connection to ${question.where}`));
  socket.on("end", () => finish(question.judge("")));
  socket.on("data", (chunk: Buffer) => finish(question.judge(chunk.toString("latin1"))));
  socket.on("connect", () => socket.write(question.request));
}

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

function serve(options: Options): void {
  const serving = new Serving(options);
  const address = parseListenAddress(options.listenAddress);
  const maxConnections = connectionLimit(descriptorLimit(), options.maxConnections);
  let nextId = 1;
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    if (serving.connections.size >= maxConnections || serving.isDraining) {
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
  }, 50);
  server.on("error", (error: NodeJS.ErrnoException) => {
    clearInterval(ticks);
    fail(listenProblem(options.listenAddress, error.code ?? error.message), 1);
  });
  const drain = (): void => {
    if (serving.isDraining) return;
    const hardStop = setTimeout(() => serving.dropAll(), options.graceMs);
    server.close(() => {
      clearInterval(ticks);
      clearTimeout(hardStop);
      serving.accessLog.flush();
    });
    serving.drain();
  };
  process.on("SIGTERM", drain);
  process.on("SIGINT", drain);
  process.on("SIGHUP", () => serving.site.reload());
  // The reader of the log may go away; the site goes on being served.
  process.stdout.on("error", () => {});
  const where = address.host === "" ? { port: address.port } : { port: address.port, host: address.host };
  server.listen(where, () => announce(options));
}

const options = start(process.argv.slice(2));
if (options !== null && options.command === "healthcheck") checkHealth(options);
else if (options !== null) serve(options);
