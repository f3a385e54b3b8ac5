/** The fleet: a config with all its services, and an engine that writes down what it was told. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { nameOf } from "./plan.ts";

export const apiToken = "day-api-token-0123456789";

export function secretOf(service: string): string {
  return `${service}-secret-0123456789`;
}

export function tagOf(release: number): string {
  return `release-${String(release).padStart(6, "0")}`;
}

export function configOfFleet(services: number, enginePort: number): string {
  const lines = Array.from({ length: services }, (_, index) => {
    const name = nameOf(index);
    const target = `{ portainer: { serviceWebhook: "http://127.0.0.1:${enginePort}/api/webhooks/${name}" } }`;
    return `  ${name}: { image: acme/${name}, secret: ${secretOf(name)}, order: tag-number, dedupe: 1d, target: ${target} }`;
  });
  return [
    "listen: 127.0.0.1:0",
    "store: ./hook.db",
    `api: { tokens: [{ name: day, token: ${apiToken}, scopes: [read] }] }`,
    "deployments: { parallel: 16 }",

    "services:",
    ...lines,
    "",
  ].join("\n");
}

export interface Engine {
  port: number;
  /** The tags that a service was told, in their order. */
  told: Map<string, string[]>;
  /** How often a service was told something while it was still at work. */
  overlaps: number;
  stop(): void;
}

/** Takes a moment for everything, as an engine does that asks its registry first. */
export async function startEngine(workMs: number): Promise<Engine> {
  const atWork = new Set<string>();
  const engine: Engine = { port: 0, told: new Map(), overlaps: 0, stop: () => {} };
  const server = createServer((request, response) => {
    request.resume();
    const { pathname, searchParams } = new URL(request.url ?? "", "http://engine");
    const service = pathname.split("/").at(-1) ?? "";
    if (atWork.has(service)) engine.overlaps++;
    atWork.add(service);
    engine.told.set(service, [...(engine.told.get(service) ?? []), searchParams.get("tag") ?? ""]);
    setTimeout(() => {
      atWork.delete(service);
      response.writeHead(204).end();
    }, workMs);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  engine.port = (server.address() as AddressInfo).port;
  engine.stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return engine;
}
