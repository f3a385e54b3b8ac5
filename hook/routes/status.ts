import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { LiveConfig } from "../live-config.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { findToken, refuseToken } from "./api/caller.ts";
import { limitRefused } from "./rate-limits.ts";

export interface StatusOptions {
  live: LiveConfig;
  metrics: Metrics;
}

/** What asks whether the hook is there, and how it does. */
export async function statusRoutes(app: FastifyInstance, { live, metrics }: StatusOptions): Promise<void> {
  app.get("/", ({ headers }, reply) =>
    // Who types the hook's address into a browser wants to see something; what asks for its health does not.
    live.current.dashboard.enabled && /\btext\/html\b/.test(headers.accept ?? "")
      ? reply.redirect("dashboard/")
      : reply.code(204).send(),
  );
  app.get("/health", (_request, reply) => reply.code(204).send());
  const refused = limitRefused(app, live);
  const onRequest = async (request: FastifyRequest, reply: FastifyReply) => {
    if (mayRead(request, live)) return;
    await refused(request, reply);
    throw refuseToken(request.headers.authorization);
  };
  app.get("/metrics", { onRequest }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.render()),
  );
}

/** The names of services are in the metrics: whoever listens on more than loopback may keep them to a token. */
function mayRead({ headers }: FastifyRequest, { current: { metricsToken } }: LiveConfig): boolean {
  if (metricsToken === undefined) return true;
  return findToken(headers.authorization ?? "", [{ hash: metricsToken }]) !== undefined;
}
