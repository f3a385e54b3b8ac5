import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { HttpError } from "../errors.ts";
import type { Metrics, WebhookResult } from "../metrics.ts";
import { hashOfNothing, isSecret } from "../secret-hash.ts";
import type { Service } from "../service.ts";
import type { Deployment, NewDeployment } from "../store/deployment.ts";
import type { Store } from "../store/store.ts";
import type { Trigger } from "../trigger.ts";
import { judgeWebhook, type Verdict } from "../verdict.ts";

export interface WebhookOptions {
  services: ReadonlyMap<string, Service>;
  store: Store;
  metrics: Metrics;
  onAccepted(): void;
}

const jsonTypes = /^application\/(?:[\w.-]+\+)?json(?:;|$)/;

/** `POST /hooks/<service>/<secret>`: the URL is checked, then the body is read, then the trigger is stored. */
export async function webhookRoutes(app: FastifyInstance, options: WebhookOptions): Promise<void> {
  app.removeAllContentTypeParsers();
  // The bytes are kept as they came: signatures are made over them.
  for (const type of [jsonTypes, "application/x-www-form-urlencoded"]) {
    app.addContentTypeParser(type, { parseAs: "buffer" }, (_request, raw, done) => done(null, raw));
  }
  delayContinue(app);
  app.post<{ Params: UrlParts }>("/hooks/:service/:secret", {
    onRequest: async (request) => {
      request.service = authenticate(request.params, options);
    },
    preParsing: async (request, reply) => askForBody(request, reply),
    handler: (request, reply) => receive(request, reply, options),
  });
}

interface UrlParts {
  service: string;
  secret: string;
}

/** An unknown service costs the same hash and comparison as a wrong secret, and gets the same answer. */
function authenticate(given: UrlParts, { services, metrics }: WebhookOptions): Service {
  const service = services.get(given.service);
  const isRight = isSecret(given.secret, service?.secret ?? hashOfNothing);
  if (service !== undefined && isRight) return service;
  metrics.countRefused();
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

function receive(request: FastifyRequest, reply: FastifyReply, options: WebhookOptions): FastifyReply {
  const { service, headers, log } = request;
  if (service === null) throw new Error("a webhook was handled without authentication");
  const raw = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const query = request.query as Record<string, unknown>;
  const verdict = judgeWebhook(service, { headers, query, raw });
  const { source } = verdict;
  const count = (result: WebhookResult) => options.metrics.countWebhook(service.name, source, result);
  if (verdict.kind === "rejected") {
    count("rejected");
    log.warn(
      { service: service.name, source, code: verdict.code, detail: verdict.detail },
      "webhook rejected",
    );
    throw new HttpError(verdict.code, verdict.detail);
  }
  if (verdict.kind === "ignored") {
    count("ignored");
    log.info({ service: service.name, source, reason: verdict.reason }, "webhook ignored");
    return reply.code(202).send({ status: "ignored", reason: verdict.reason });
  }
  const stored = storeTriggers(service, verdict, options, log);
  count("accepted");
  return reply.code(202).send({ status: "accepted", deployments: stored.map(summarize) });
}

/** Returns when the deployments are on the disk, and not before: only then may the sender forget the webhook. */
function storeTriggers(
  service: Service,
  { source, triggers }: Extract<Verdict, { kind: "wanted" }>,
  { store, onAccepted }: WebhookOptions,
  log: FastifyBaseLogger,
): Deployment[] {
  let stored: Deployment[];
  try {
    stored = store.accept(triggers.map((trigger) => newDeployment(service, source, trigger)));
  } catch (error) {
    log.error({ err: error, service: service.name, source }, "a webhook could not be stored");
    throw new HttpError("store_unavailable");
  }
  for (const { id, tag } of stored)
    log.info({ deployment: id, service: service.name, source, tag }, "webhook accepted");
  // After the answer is on its way: the first steps of a deployment must not delay it.
  setImmediate(onAccepted);
  return stored;
}

function newDeployment(
  service: Service,
  source: string,
  { tag, digest, pushedAtMs }: Trigger,
): NewDeployment {
  return {
    service: service.name,
    image: service.image.text,
    tag,
    digest: digest ?? null,
    source,
    target: service.target.name,
    pushedAtMs: pushedAtMs ?? null,
    acceptedAtMs: Date.now(),
  };
}

function summarize({ id, service, image, tag, state }: Deployment) {
  return { id, service, image, tag, state };
}
