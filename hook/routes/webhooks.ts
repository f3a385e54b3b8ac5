import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { acceptWebhook } from "../accept/acceptance.ts";
import { judgeWebhook, type Verdict } from "../accept/verdict.ts";
import { HttpError } from "../http/errors.ts";
import type { LiveConfig } from "../live-config.ts";
import type { Metrics, WebhookResult } from "../metrics/metrics.ts";
import { isOneOf } from "../secret/secret-hash.ts";
import type { Service } from "../service.ts";
import type { Accepted } from "../store/acceptance.ts";
import type { Deployment } from "../store/deployment.ts";
import type { Store } from "../store/store.ts";
import { answerHandshake } from "./handshake.ts";
import { limitAuthentic, limitRefused, type RateLimit } from "./rate-limits.ts";

export interface WebhookOptions {
  live: LiveConfig;
  store: Store;
  metrics: Metrics;
  onAccepted(): void;
}

/** Not a batch of CloudEvents: those are answered with 415, as the webhook specification has it (section 2.2). */
const jsonTypes = /^application\/(?!cloudevents-batch)(?:[\w.-]+\+)?json\s*(?:;|$)/i;

/** `POST /hooks/<service>/<secret>`: the URL is checked, then the body is read, then the trigger is stored. */
export async function webhookRoutes(app: FastifyInstance, options: WebhookOptions): Promise<void> {
  const limits = { refused: limitRefused(app, options.live), authentic: limitAuthentic(app, options.live) };
  app.removeAllContentTypeParsers();
  // The bytes are kept as they came: signatures are made over them.
  for (const type of [jsonTypes, "application/x-www-form-urlencoded"]) {
    app.addContentTypeParser(type, { parseAs: "buffer" }, (_request, raw, done) => done(null, raw));
  }
  delayContinue(app);
  app.post<{ Params: UrlParts }>("/hooks/:service/:secret", {
    onRequest: (request, reply) => authenticate(request, reply, options, limits),
    preParsing: async (request, reply) => askForBody(request, reply),
    handler: (request, reply) => receive(request, reply, options, limits),
  });
  // Who opens the URL in a browser to try it is not told that it is wrong.
  app.get<{ Params: UrlParts }>("/hooks/:service/:secret", {
    onRequest: (request, reply) => authenticate(request, reply, options, limits),
    handler: async (_request, reply) => {
      reply.header("allow", "POST, OPTIONS");
      throw new HttpError("method_not_allowed");
    },
  });
  app.options<{ Params: UrlParts }>("/hooks/:service/:secret", {
    onRequest: (request, reply) => authenticate(request, reply, options, limits),
    handler: (request, reply) => answerHandshake(request, reply, options.live.current.limits),
  });
}

interface WebhookLimits {
  refused: RateLimit;
  authentic: RateLimit;
}

interface UrlParts {
  service: string;
  secret: string;
}

/** An unknown service costs the same hash and comparisons as a wrong secret, and gets the same answer. */
async function authenticate(
  request: FastifyRequest<{ Params: UrlParts }>,
  reply: FastifyReply,
  { live, metrics }: WebhookOptions,
  limits: WebhookLimits,
): Promise<void> {
  const service = live.current.services.get(request.params.service);
  const isRight = isOneOf(request.params.secret, service?.secrets ?? []);
  if (service !== undefined && isRight) {
    request.service = service;
    return;
  }
  metrics.countRefused("unknown");
  await orCount(limits.refused(request, reply), () => metrics.countRefused("rate_limited"));
  throw new HttpError("not_found");
}

/**
 * Node answers `Expect: 100-continue` before anyone has looked at the URL; here the sender is asked for its body
 * after the secret was found right.
 */
function delayContinue(app: FastifyInstance): void {
  app.server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    app.server.emit("request", request, response);
  });
}

function askForBody({ headers, routeOptions }: FastifyRequest, reply: FastifyReply): void {
  if (headers.expect === undefined) return;
  if (Number(headers["content-length"] ?? 0) <= (routeOptions.bodyLimit ?? 0)) reply.raw.writeContinue();
}

async function receive(
  request: FastifyRequest,
  reply: FastifyReply,
  options: WebhookOptions,
  limits: WebhookLimits,
): Promise<FastifyReply> {
  const { service, headers, method, log } = request;
  if (service === null) throw new Error("a webhook was handled without authentication");
  const raw = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const query = request.query as Record<string, unknown>;
  const verdict = await judgeWebhook(service, { headers, query, raw, method }, Date.now());
  const { source } = verdict;
  const count = (result: WebhookResult) => options.metrics.countWebhook(service.name, source, result);
  if (verdict.kind === "rejected") {
    const { code, detail } = verdict;
    count(code === "bad_signature" ? "bad_signature" : "rejected");
    log.warn({ service: service.name, source, code, detail }, "webhook rejected");
    if (code === "bad_signature") await limits.refused(request, reply);
    // Of what could not be verified nobody knows whose limit it is.
    else if (code !== "keys_unavailable") await limits.authentic(request, reply);
    throw new HttpError(code, detail);
  }
  // Counted after everything was verified: who cannot sign cannot use up what is meant for the real sender.
  await orCount(limits.authentic(request, reply), () => count("rate_limited"));
  if (verdict.kind === "ignored") {
    const { reason, status = 202 } = verdict;
    count("ignored");
    log.info({ service: service.name, source, reason }, "webhook ignored");
    return reply.code(status).send({ status: "ignored", reason });
  }
  const accepted = await storeTriggers(service, verdict, request, options);
  const isDuplicate = accepted.every((one) => one.isDuplicate);
  count(isDuplicate ? "duplicate" : "accepted");
  const deployments = accepted.map(({ deployment }) => summarize(deployment));
  return reply.code(202).send({ status: isDuplicate ? "duplicate" : "accepted", deployments });
}

async function orCount(limiting: Promise<void>, countIt: () => void): Promise<void> {
  try {
    await limiting;
  } catch (error) {
    countIt();
    throw error;
  }
}

/** Returns when the deployments are on the disk, and not before: only then may the sender forget the webhook. */
async function storeTriggers(
  service: Service,
  verdict: Extract<Verdict, { kind: "wanted" }>,
  { log }: FastifyRequest,
  { store, onAccepted }: WebhookOptions,
): Promise<Accepted[]> {
  let accepted: Accepted[];
  try {
    accepted = await acceptWebhook(store, service, verdict);
  } catch (error) {
    log.error({ err: error, service: service.name, source: verdict.source }, "a webhook could not be stored");
    throw new HttpError("store_unavailable");
  }
  for (const { deployment, isDuplicate } of accepted) {
    const { id, source, tag, reason } = deployment;
    const fields = { deployment: id, service: service.name, source, tag, ...(reason !== null && { reason }) };
    log.info(fields, isDuplicate ? "webhook says again what is known" : "webhook accepted");
  }
  // After the answer is on its way: the first steps of a deployment must not delay it.
  setImmediate(onAccepted);
  return accepted;
}

function summarize({ id, service, image, tag, state, reason }: Deployment) {
  return { id, service, image, tag, state, ...(reason !== null && { reason }) };
}
