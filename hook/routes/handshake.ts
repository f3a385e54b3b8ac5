import type { FastifyReply, FastifyRequest } from "fastify";
import type { Limits } from "../accept/limits.ts";
import { takesCloudEvents } from "../source/index.ts";

/** A DNS name, with a port perhaps: what may stand in the answer's header. */
const originPattern = /^[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,251}[A-Za-z0-9])?$/;

/**
 * The "abuse protection" handshake of CloudEvents' webhook specification (section 4), which Azure's Event Grid makes:
 * a sender asks whether it may send here. Permission is in the two headers, and only the right secret URL gets them.
 * `WebHook-Request-Callback` is not looked at: no URL that comes with a request is ever fetched.
 */
export function answerHandshake(
  { headers, service }: FastifyRequest,
  reply: FastifyReply,
  { perService }: Limits,
): FastifyReply {
  if (service === null) throw new Error("a handshake was answered without authentication");
  reply.header("allow", "POST, OPTIONS");
  const origin = headers["webhook-request-origin"];
  if (typeof origin === "string" && originPattern.test(origin) && takesCloudEvents(service.webhook)) {
    reply.header("webhook-allowed-origin", origin);
    reply.header("webhook-allowed-rate", String(allowedRate(headers["webhook-request-rate"], perService)));
  }
  return reply.code(200).send();
}

/** In requests a minute: what was asked for, up to the service's limit. */
function allowedRate(asked: unknown, limit: number): number {
  const rate = typeof asked === "string" && /^[1-9]\d{0,8}$/.test(asked) ? Number(asked) : limit;
  return Math.min(rate, limit);
}
