/** Stands between a client and a registry: notes what is asked, and fails where a test says so. */
import {
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";

export interface NotedRequest {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  bodyBytes: number;
  status: number;
}

/** `cut` takes the connection away before the registry hears of it; `cut in the middle`, when half of the body is there. */
export type Fate =
  | "pass"
  | "cut"
  | "cut in the middle"
  | { status: number; headers?: Record<string, string> };

export interface RegistryProxy {
  host: string;
  requests: NotedRequest[];
  /** Methods and paths without digests and ids, for comparing. */
  shapes(): string[];
  decide: (request: NotedRequest) => Fate;
  stop(): Promise<void>;
}

export async function startRegistryProxy(target: string): Promise<RegistryProxy> {
  const proxy: RegistryProxy = {
    host: "",
    requests: [],
    shapes: () => proxy.requests.map(({ method, path }) => `${method} ${shapeOf(path)}`),
    decide: () => "pass",
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = createServer((incoming, response) => {
    const { method = "", url: path = "", headers } = incoming;
    const noted: NotedRequest = { method, path, headers, bodyBytes: 0, status: 0 };
    proxy.requests.push(noted);
    incoming.on("data", (chunk: Buffer) => {
      noted.bodyBytes += chunk.length;
    });
    const fate = proxy.decide(noted);
    if (fate === "cut") incoming.socket.destroy();
    else if (fate === "pass" || fate === "cut in the middle")
      forward(target, incoming, response, noted, fate);
    else answer(incoming, response, noted, fate);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}

function answer(
  incoming: IncomingMessage,
  response: ServerResponse,
  noted: NotedRequest,
  { status, headers }: Extract<Fate, object>,
): void {
  noted.status = status;
  incoming.resume();
  response.writeHead(status, headers).end();
}

function forward(
  target: string,
  incoming: IncomingMessage,
  response: ServerResponse,
  noted: NotedRequest,
  fate: "pass" | "cut in the middle",
): void {
  const { method, url, headers } = incoming;
  const [host = "", port = ""] = target.split(":");
  const outgoing = request({ host, port, method, path: url, headers, agent: false }, (answered) => {
    noted.status = answered.statusCode ?? 0;
    if (response.destroyed) return void answered.destroy();
    response.writeHead(noted.status, answered.headers);
    pipeline(answered, response, () => {});
  });
  outgoing.on("error", () => response.destroy());
  pipeline(incoming, outgoing, () => {});
  if (fate === "cut in the middle") cutInTheMiddle(incoming, outgoing, noted);
}

function cutInTheMiddle(incoming: IncomingMessage, outgoing: ClientRequest, noted: NotedRequest): void {
  const half = Number(incoming.headers["content-length"]) / 2;
  incoming.on("data", () => {
    if (noted.bodyBytes < half) return;
    incoming.socket.destroy();
    outgoing.destroy();
  });
}

function shapeOf(path: string): string {
  return path
    .replace(/\?.*(mount=).*$/, "?mount")
    .replace(/(uploads\/)[^?]+/, "$1…")
    .replace(/\?_state.*$|\?digest.*$/, "")
    .replace(/sha256:[0-9a-f]{64}/, "…");
}
