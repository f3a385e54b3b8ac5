import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { HttpError } from "../http/errors.ts";
import { clientAddress, networkOf } from "../http/proxies.ts";
import type { LiveConfig } from "../live-config.ts";

/**
 * Counts a request, and throws when there were too many of its kind. Counted within windows of a minute, in memory,
 * for the 5,000 addresses that came last (the plugin's own bound): who uses more addresses than that is limited less,
 * and nobody else is limited for it.
 *
 * The plugin @fastify/rate-limit counts by itself only before a request is looked at: then whoever shares an address
 * with somebody who has the secret could use up what is meant for that one. So it is told what to count.
 */
export type RateLimit = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

const windowMs = 60_000;
export const signInsPerMinute = 10;

/** Of requests that are being refused, by their address. */
export function limitRefused(app: FastifyInstance, live: LiveConfig): RateLimit {
  return countWith(
    app.createRateLimit({
      max: () => live.current.limits.perAddress,
      timeWindow: windowMs,
      keyGenerator: (request) => networkOf(clientAddress(request)),
    }),
  );
}

/** Of wrong tokens that somebody tries to sign in with: a person mistypes one a few times, not a hundred. */
export function limitSignIns(app: FastifyInstance, live: LiveConfig): RateLimit {
  return countWith(
    app.createRateLimit({
      max: () => Math.min(signInsPerMinute, live.current.limits.perAddress),
      timeWindow: windowMs,
      keyGenerator: (request) => networkOf(clientAddress(request)),
    }),
  );
}

/** Of authentic webhooks, by their service. */
export function limitAuthentic(app: FastifyInstance, live: LiveConfig): RateLimit {
  return countWith(
    app.createRateLimit({
      max: () => live.current.limits.perService,
      timeWindow: windowMs,
      keyGenerator: ({ service }) => service?.name ?? "",
    }),
  );
}

function countWith(limiter: ReturnType<FastifyInstance["createRateLimit"]>): RateLimit {
  return async (request, reply) => {
    const result = await limiter(request);
    if (result.isAllowed || !result.isExceeded) return;
    reply.header("retry-after", Math.max(1, result.ttlInSeconds));
    throw new HttpError("too_many_requests");
  };
}
