/** A proxy in front of a Consul agent through which a test gets in between two requests of a client. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { ConsulAgent } from "./consul.ts";

export interface ConsulProxy {
  address: string;
  /** Method and path with query, in the order they came. */
  requests: string[];
  stop(): Promise<void>;
}

/** `beforeWrite` is waited for before a PUT is passed on. */
export async function startConsulProxy(
  agent: ConsulAgent,
  beforeWrite: () => Promise<void>,
): Promise<ConsulProxy> {
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const body = await readBody(request);
    if (request.method === "PUT") await beforeWrite();
    const init = { method: request.method ?? "GET", ...(body !== "" && { body }) };
    const answer = await fetch(`${agent.address}${request.url}`, init);
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "text/plain" });
    response.end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { address: `http://127.0.0.1:${port}`, requests, stop };
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += chunk;
  return body;
}
