/** Between a client and an Engine's socket: passes on what is asked, byte for byte, and lets a test have its way first. */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { EngineNode } from "./engine-nodes.ts";

export interface EngineGateway {
  /** `tcp://127.0.0.1:<port>` */
  address: string;
  /** Method and path with query, in the order they came. */
  requests: string[];
  stop(): Promise<void>;
}

/** `before` may do something, or answer itself and say so. */
export type Before = (request: IncomingMessage, response: ServerResponse) => Promise<"answered" | undefined>;

export async function startEngineGateway(
  node: Pick<EngineNode, "host">,
  before: Before = async () => undefined,
): Promise<EngineGateway> {
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    if ((await before(request, response)) === undefined)
      passToEngine(node, request, response, request.url ?? "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, stop };
}

/** The path as the Engine is to see it. */
export function passToEngine(
  { host }: Pick<EngineNode, "host">,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): void {
  const { method, headers } = request;
  const options = { socketPath: host.slice("unix://".length), path, method, headers, agent: false } as const;
  const onward = httpRequest(options, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  response.on("close", () => onward.destroy());
  request.pipe(onward);
}
