/** The server's process on Node. The native build's is native/main.ts. */
import * as net from "node:net";
import { HealthQuestion, healthTimeoutMs } from "./healthcheck.ts";
import { createNodeServer } from "./node-server.ts";
import { parseListenAddress } from "./options/listen-address.ts";
import type { Options } from "./options/options.ts";
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

function serve(options: Options): void {
  const address = parseListenAddress(options.listenAddress);
  const { serving, listener, drain } = createNodeServer(options);
  listener.on("error", (error: NodeJS.ErrnoException) => {
    fail(listenProblem(options.listenAddress, error.code ?? error.message), 1);
  });
  process.on("SIGTERM", drain);
  process.on("SIGINT", drain);
  process.on("SIGHUP", () => serving.site.reload());
  // The reader of the log may go away; the site goes on being served.
  process.stdout.on("error", () => {});
  const where = address.host === "" ? { port: address.port } : { port: address.port, host: address.host };
  listener.listen(where, () => announce(options));
}

const options = start(process.argv.slice(2));
if (options !== null && options.command === "healthcheck") checkHealth(options);
else if (options !== null) serve(options);
