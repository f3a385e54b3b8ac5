import type { Socket } from "node:net";
import rateLimit from "@fastify/rate-limit";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { dashboardRoutes } from "./dashboard/routes.ts";
import { createSessions } from "./dashboard/sessions.ts";
import { type ErrorCode, errorBody, HttpError, toHttpError } from "./http/errors.ts";
import { RequestLog } from "./http/request-log.ts";
import { createInspection } from "./inspect/inspection.ts";
import type { LiveConfig } from "./live-config.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { Operations } from "./operations.ts";
import type { EventStreams } from "./routes/api/event-stream.ts";
import { apiRoutes } from "./routes/api/index.ts";
import { statusRoutes } from "./routes/status.ts";
import { webhookRoutes } from "./routes/webhooks.ts";
import type { Store } from "./store/store.ts";

/** Takes one line of the log at a time. */
export interface LogStream {
  write(line: string): void;
}

export interface AppOptions {
  live: LiveConfig;
  store: Store;
  operations: Operations;
  metrics: Metrics;
  /** Called when deployments were stored that nobody has started on. */
  onAccepted(): void;
  logStream: LogStream;
  streams: EventStreams;
}

export const bodyLimitBytes = 1024 * 1024;
/** Long enough for the longest secret (config/schema.ts) with each of its letters percent-encoded. */
const maximumParameterLength = 3 * 256;

/** The hook's HTTP side. It listens only when told to: tests use it without a process around it. */
export function buildApp(options: AppOptions): FastifyInstance {
  const { live, store, operations, metrics, onAccepted, logStream, streams } = options;
  const app = fastify({
    logger: { level: "info", serializers: { err: serializeError }, stream: logStream },
    logController: new RequestLog(),
    bodyLimit: bodyLimitBytes,
    trustProxy: (address) => live.current.isTrustedProxy(address),
    requestTimeout: 30_000,
    // Node looks for late requests only every 30 s by default.
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 1000 },
    // A webhook that comes on an open connection while the hook stops is stored, and deployed by the next start.
    return503OnClosing: false,
    routerOptions: { maxParamLength: maximumParameterLength },
    frameworkErrors: (error, request, reply) => sendError(error, request, reply as FastifyReply),
    clientErrorHandler: answerBrokenRequest,
  });
  app.decorateRequest("service", null);
  app.addHook("onRequest", async (_request, reply) => void reply.header("cache-control", "no-store"));
  app.setErrorHandler(sendError);
  app.setNotFoundHandler((request, reply) => sendError(new HttpError("not_found"), request, reply));
  app.register(rateLimit, { global: false });
  app.register(statusRoutes, { live, metrics });
  app.register(webhookRoutes, { live, store, metrics, onAccepted });
  const sessions = createSessions({ live, store });
  app.register(apiRoutes, {
    live,
    store,
    operations,
    inspection: createInspection({ store }),
    sessions,
    streams,
  });
  app.register(dashboardRoutes, { live, sessions });
  return app;
}

function sendError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const shown = toHttpError(error, { isWebhook: request.url.startsWith("/hooks/") });
  if (shown.statusCode >= 500) request.log.error({ err: error }, "a request failed");
  if (shown.code === "unauthorized") reply.header("www-authenticate", "Bearer");
  // RFC 9110 section 15.5.2 wants one with every 401; there is no registered scheme for signed webhooks.
  if (shown.code === "bad_signature") reply.header("www-authenticate", "Webhook-Signature");
  if (shown.statusCode === 503) reply.header("retry-after", "30");
  if (hasUnwantedBody(request)) reply.header("connection", "close");
  reply.code(shown.statusCode).send(errorBody(shown));
}

/** A body that was not read would be read to its end to keep the connection: not one that is or may be large. */
function hasUnwantedBody({ headers }: FastifyRequest): boolean {
  return (
    headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > bodyLimitBytes
  );
}

/** Errors that are the hook's own carry no request: pino's serializer would copy every property of any other. */
function serializeError(error: Error): { type: string; message: string; stack: string } {
  return { type: error.name, message: error.message, stack: error.stack ?? "" };
}

const brokenRequests: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: "headers_too_large",
  ERR_HTTP_REQUEST_TIMEOUT: "request_timeout",
};

/** A request that was never one as far as Node's parser is concerned: the error holds its bytes and is not logged. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const shown = new HttpError(brokenRequests[error.code ?? ""] ?? "bad_request");
  const body = JSON.stringify(errorBody(shown));
  const head = [
    `HTTP/1.1 ${shown.statusCode} ${shown.code}`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
