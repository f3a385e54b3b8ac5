/**
 * Between the hook and an engine: passes on what is asked, byte for byte, and has single calls go wrong in every way
 * that a call can. Over TCP, or over a socket where the engine has one.
 */
import { rmSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { temporaryFolder } from "./hook.ts";

export const faults = [
  /** The connection is reset before anything is passed on. */
  "reset",
  /** The engine has done it, and its answer is lost with the connection. */
  "answer lost",
  /** Half open: the call is taken, not passed on, and never answered. */
  "no answer",
  /** The engine has done it, and its answer never comes. */
  "answer late",
  /** Answered 500; the engine does not hear of it. */
  "error 500",
  /** What answers is something else, such as a proxy's maintenance page. */
  "garbage",
  /** The engine has done it; half of its answer arrives, as if that were all. */
  "truncated",
  /** The engine has done it; the connection breaks in the middle of its answer. */
  "cut short",
] as const;

/** The last one is not swept: another proxy in between has waited for the engine long enough, or does not reach it. */
export type Fault = (typeof faults)[number] | "error 504";

export interface CallSeen {
  method: string;
  /** As it was asked for, with its query. */
  url: string;
}

export interface FaultProxy {
  /** `http://127.0.0.1:<port>`, or `unix:///…` in front of a socket. */
  address: string;
  /** Every call, in the order in which they came. */
  calls: CallSeen[];
  /** What becomes of a call; its number begins at 0. A promise is waited for: so a test gets in between two calls. */
  fail: (call: CallSeen, number: number) => Fault | undefined | Promise<Fault | undefined>;
  /** Forgets the calls, and lets everything through. */
  heal(): void;
  stop(): Promise<void>;
}

/** `engine` is `http://host:port` or `unix:///path`. */
export async function startFaultProxy(engine: string): Promise<FaultProxy> {
  const isSocket = engine.startsWith("unix://");
  const folder = isSocket ? temporaryFolder() : "";
  const server = createServer(async (incoming, response) => {
    const call = { method: incoming.method ?? "", url: incoming.url ?? "" };
    proxy.calls.push(call);
    act(await proxy.fail(call, proxy.calls.length - 1), engine, incoming, response);
  });
  const path = join(folder, "engine.sock");
  await new Promise<void>((resolve) =>
    isSocket ? server.listen(path, resolve) : server.listen(0, "127.0.0.1", resolve),
  );
  const proxy: FaultProxy = {
    address: isSocket ? `unix://${path}` : `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    fail: () => undefined,
    heal() {
      proxy.calls.length = 0;
      proxy.fail = () => undefined;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      if (isSocket) rmSync(folder, { recursive: true });
    },
  };
  return proxy;
}

const maintenancePage = "<html><body>We are back in a moment.</body></html>";

function act(
  fault: Fault | undefined,
  engine: string,
  incoming: IncomingMessage,
  response: ServerResponse,
): void {
  switch (fault) {
    case "reset":
      breakOff(incoming.socket);
      return;
    case "no answer":
      incoming.resume();
      return;
    case "error 500":
      response.writeHead(500, { "content-type": "application/json" }).end('{"message":"broken"}');
      return;
    case "error 504":
      response.writeHead(504, { "content-type": "text/html" }).end("<html><body>504</body></html>");
      return;
    case "garbage":
      response.writeHead(200, { "content-type": "text/html" }).end(maintenancePage);
      return;
    default:
      forward(fault, engine, incoming, response);
  }
}

function forward(
  fault: Exclude<Fault, "reset" | "no answer" | "error 500" | "error 504" | "garbage"> | undefined,
  engine: string,
  incoming: IncomingMessage,
  response: ServerResponse,
): void {
  const { method, url, headers } = incoming;
  const where = engine.startsWith("unix://")
    ? { socketPath: engine.slice("unix://".length) }
    : pickHost(engine);
  const outgoing = request({ ...where, path: url, method, headers, agent: false });
  outgoing.on("error", () => incoming.socket.destroy());
  if (fault !== "answer lost" && fault !== "answer late") response.on("close", () => outgoing.destroy());
  outgoing.on("response", (answer) => {
    if (fault === undefined) {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      response.flushHeaders();
      return void answer.pipe(response);
    }
    void spoil(fault, answer, incoming.socket, response);
  });
  incoming.pipe(outgoing);
}

function pickHost(engine: string): { host: string; port: number } {
  const { hostname, port } = new URL(engine);
  return { host: hostname, port: Number(port) };
}

async function spoil(
  fault: "answer lost" | "answer late" | "truncated" | "cut short",
  answer: IncomingMessage,
  socket: Socket,
  response: ServerResponse,
): Promise<void> {
  const whole = await readSome(answer);
  if (fault === "answer late") return;
  if (fault === "answer lost") return breakOff(socket);
  const half = whole.subarray(0, Math.floor(whole.length / 2));
  const { "transfer-encoding": _, ...headers } = answer.headers;
  const lengthBytes = fault === "truncated" ? half.length : whole.length + 1;
  response.writeHead(answer.statusCode ?? 0, { ...headers, "content-length": lengthBytes });
  if (fault === "truncated") return void response.end(half);
  response.write(half, () => breakOff(socket));
}

/** The whole answer; of one without an end, such as a watch, what comes first. */
async function readSome(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const silence = () => setTimeout(() => answer.destroy(), 300);
  let timer = silence();
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      clearTimeout(timer);
      timer = silence();
    }
  } catch {
    // Destroyed by the timer, or by an engine that ended.
  }
  clearTimeout(timer);
  return Buffer.concat(chunks);
}

function breakOff(socket: Socket): void {
  // Over a socket in the file system there is no reset.
  if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
