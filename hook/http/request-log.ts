import { type FastifyReply, type FastifyRequest, LogController } from "fastify";
import type { Service } from "../service.ts";
import { clientAddress } from "./proxies.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The service whose secret URL was asked for; only set when the secret was right. */
    service: Service | null;
  }
}

const quietRoutes = new Set(["/", "/health", "/metrics"]);

/**
 * One line a request. It names the route's pattern and never the path as it came: a path may hold a secret, also
 * when it is misspelt and no route knows it.
 */
export class RequestLog extends LogController {
  override incomingRequest(): void {}

  override requestCompleted(
    error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    const route = request.routeOptions.url ?? "(none)";
    const level = error ? "error" : quietRoutes.has(route) ? "debug" : "info";
    const fields = {
      method: request.method,
      route,
      ...(request.service !== null && { service: request.service.name }),
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime),
      remoteAddress: clientAddress(request),
    };
    request.log[level](fields, "request");
  }

  override defaultErrorLog(): void {}
  override routeNotFound(): void {}
}
