import type { FastifyInstance } from "fastify";
import type { Metrics } from "../metrics.ts";

/** What asks whether the hook is there, and how it does. */
export async function statusRoutes(app: FastifyInstance, { metrics }: { metrics: Metrics }): Promise<void> {
  app.get("/", (_request, reply) => reply.code(204).send());
  app.get("/health", (_request, reply) => reply.code(204).send());
  app.get("/metrics", async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.render()),
  );
}
