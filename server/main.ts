/** The server's process: flags in, listening, signals, exit status. */
import * as fs from "node:fs";
import * as net from "node:net";
import { Connection } from "./connection.ts";
import { checkHealth, runningOptions } from "./healthcheck.ts";
import { helpText, type Options, parseListenAddress, parseOptions, version } from "./options.ts";
import { Serving } from "./serving.ts";

const graceMs = 8_000;
/** Descriptors that are not connections: standard streams, the listener, the poller, a file being hashed. */
const reservedDescriptors = 16;

function fail(message: string, status: number): void {
  process.stderr.write(`statigo: ${message}\n`);
  process.exitCode = status;
}

/** What is wrong with the root, or "". */
function checkRoot(directory: string): string {
  try {
    if (!fs.statSync(directory).isDirectory()) return `--root-dir ${directory} is not a folder`;
    fs.accessSync(directory, fs.constants.R_OK | fs.constants.X_OK);
    return "";
  } catch {
    return `--root-dir ${directory} can't be read: it is missing, or this user may not enter it`;
  }
}

/** How many connections the descriptor limit bears, with an open file for each; beyond it accept() would spin. */
function connectionLimit(): number {
  let limit = 1024;
  try {
    for (const line of fs.readFileSync("/proc/self/limits", "utf8").split("\n")) {
      if (!line.startsWith("Max open files")) continue;
      const soft = Number(line.slice(14).trim().split(" ")[0] ?? "");
      if (soft > 0) limit = soft;
    }
  } catch {
    // No procfs: POSIX's customary limit holds.
  }
  return Math.max(1, Math.floor((limit - reservedDescriptors) / 2));
}

function serve(options: Options): void {
  const serving = new Serving(options);
  const address = parseListenAddress(options.listenAddress);
  const maxConnections = connectionLimit();
  let nextId = 1;

  const server = net.createServer((socket: net.Socket) => {
    if (serving.connections.size >= maxConnections || serving.isDraining) {
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    const id = nextId;
    nextId += 1;
    serving.connections.set(id, new Connection(id, socket, serving, Date.now()));
  });

  const sweep = setInterval(() => {
    const nowMs = Date.now();
    serving.connections.forEach((connection) => {
      connection.checkDeadline(nowMs);
    });
  }, 1000);

  server.on("error", (error: Error) => {
    clearInterval(sweep);
    fail(`can't listen on ${options.listenAddress}: ${error.message}`, 1);
  });

  const drain = (): void => {
    if (serving.isDraining) return;
    serving.isDraining = true;
    const hardStop = setTimeout(() => {
      serving.connections.forEach((connection) => {
        connection.drop();
      });
    }, graceMs);
    server.close(() => {
      clearInterval(sweep);
      clearTimeout(hardStop);
      serving.accessLog.flush();
    });
    serving.connections.forEach((connection) => {
      connection.drain();
    });
  };
  process.on("SIGTERM", drain);
  process.on("SIGINT", drain);

  const onListening = (): void => {
    process.stderr.write(
      `statigo ${version}: site ${options.site}, ${options.rootDirectory} on ${options.listenAddress}\n`,
    );
  };
  if (address.host === "") server.listen({ port: address.port }, onListening);
  else server.listen({ port: address.port, host: address.host }, onListening);
}

function run(): void {
  const nomadPort = process.env["NOMAD_PORT_http"] ?? "";
  const options = parseOptions(process.argv.slice(2), nomadPort, process.env["STATIGO_SITE"] ?? "");
  if (options.error !== "") {
    fail(options.error, 2);
    return;
  }
  if (options.command === "help") {
    process.stdout.write(helpText());
    return;
  }
  if (options.command === "version") {
    process.stdout.write(`statigo ${version}\n`);
    return;
  }
  if (options.command === "healthcheck") {
    checkHealth(runningOptions(options, nomadPort), (problem: string) => {
      if (problem !== "") fail(problem, 1);
    });
    return;
  }
  const problem = checkRoot(options.rootDirectory);
  if (problem !== "") fail(problem, 2);
  else serve(options);
}

run();
