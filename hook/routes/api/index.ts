import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Sessions } from "../../dashboard/sessions.ts";
import { HttpError } from "../../http/errors.ts";
import { isUnavailable } from "../../store/writer.ts";
import { limitRefused, type RateLimit } from "../rate-limits.ts";
import { auditRoutes } from "./audit.ts";
import { type Caller, findToken, refuseToken, requireService } from "./caller.ts";
import { deploymentRoutes } from "./deployments.ts";
import type { EventStreams } from "./event-stream.ts";
import { eventRoutes } from "./events.ts";
import { type Identity, identityOf, requireScope } from "./identity.ts";
import { logRoutes } from "./log.ts";
import { describeApi } from "./openapi.ts";
import { recentRoutes } from "./recent.ts";
import { acceptJsonOnly, readCall } from "./request.ts";
import { type ApiRoute, defineRoute, EventSource } from "./route.ts";
import { runningRoutes } from "./running.ts";
import { named, noQuery } from "./schemas.ts";
import { serviceRoutes } from "./services.ts";
import { setUpRoutes } from "./set-up.ts";
import { statisticsRoutes } from "./statistics.ts";
import type { ApiToken } from "./token.ts";
import type { ApiTools } from "./tools.ts";

export interface ApiOptions extends ApiTools {
  /** Of those who have signed in to the dashboard. */
  sessions: Pick<Sessions, "identify">;
  streams: EventStreams;
}

/** What people and their programs may ask and do, with a token. */
export async function apiRoutes(
  app: FastifyInstance,
  { streams, sessions, ...tools }: ApiOptions,
): Promise<void> {
  // Before the server waits for its connections to end: a stream would not end by itself.
  app.addHook("preClose", async () => {
    tools.inspection.stop();
    streams.end();
  });
  acceptJsonOnly(app);
  app.decorateRequest("caller", null);
  const refused = limitRefused(app, tools.live);
  for (const route of listRoutes(tools)) serve(app, route, tools, { streams, refused, sessions });
}

/** A token goes before a session: whoever brings one means it. */
function identify(
  request: FastifyRequest,
  tokens: readonly ApiToken[],
  sessions: Pick<Sessions, "identify">,
): Identity {
  const { authorization } = request.headers;
  if (authorization === undefined) {
    const found = sessions.identify(request);
    if (found !== undefined) return found;
  }
  const token = findToken(authorization ?? "", tokens);
  if (token === undefined) throw refuseToken(authorization);
  return identityOf(token);
}

/** Every route of the API, in the order in which the document lists them. */
export function listRoutes(tools: ApiTools): readonly ApiRoute[] {
  const routes = [
    ...serviceRoutes(tools),
    ...setUpRoutes(tools),
    ...runningRoutes(tools),
    ...recentRoutes(tools),
    ...statisticsRoutes(tools),
    ...deploymentRoutes(tools),
    ...logRoutes(tools),
    ...eventRoutes(tools),
    ...auditRoutes(tools),
  ];
  return [...routes, documentRoute(routes)];
}

const documentSchema = named("OpenApiDocument", z.looseObject({ openapi: z.string() }));

function documentRoute(others: readonly ApiRoute[]): ApiRoute {
  const document = { openapi: "" };
  const route = defineRoute({
    method: "GET",
    url: "/api/openapi.json",
    operation: "describeApi",
    summary: "This document",
    scope: "read",
    query: noQuery,
    answer: { status: 200, schema: documentSchema },
    handle: () => document,
  });
  Object.assign(document, describeApi([...others, route]));
  return route;
}

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks; only set on the API's routes, once the token was found right. */
    caller: Caller | null;
  }
}

interface Serving extends Pick<ApiOptions, "sessions"> {
  streams: EventStreams;
  refused: RateLimit;
}

function serve(
  app: FastifyInstance,
  route: ApiRoute,
  { live }: ApiTools,
  { streams, refused, sessions }: Serving,
): void {
  const authorize = (request: FastifyRequest) =>
    requireScope(identify(request, live.current.tokens, sessions), route.scope);
  app.route({
    method: route.method,
    url: route.url,
    exposeHeadRoute: false,
    // Before the body is read.
    onRequest: async (request, reply) => {
      try {
        request.caller = authorize(request);
      } catch (error) {
        await refused(request, reply);
        throw error;
      }
      const { service } = request.params as { service?: string };
      if (service !== undefined) requireService(request.caller, service);
    },
    preParsing: async ({ headers }, reply) => {
      if (headers.expect !== undefined) reply.raw.writeContinue();
    },
    async handler(request, reply) {
      if (request.caller === null) throw new Error("a request was handled without authentication");
      const { caller } = request;
      const result = await handle(route, request, caller);
      if (result instanceof EventSource)
        return streams.send(reply, result, () => isStill(caller, () => authorize(request)));
      return send(reply, route, result);
    },
  });
}

async function handle(route: ApiRoute, request: FastifyRequest, caller: Caller): Promise<unknown> {
  const call = readCall(route, request, caller);
  try {
    return await route.handle(call);
  } catch (error) {
    if (!isStoreFailure(error)) throw error;
    request.log.error({ err: error }, "the store could not be used");
    throw new HttpError("store_unavailable");
  }
}

/** A full disk, a file system that went away; or the store is closed while the hook stops. */
function isStoreFailure(error: unknown): boolean {
  return isUnavailable(error) || (error as { code?: unknown }).code === "ERR_INVALID_STATE";
}

/** An answer that does not have its schema's form is a mistake in the hook: nothing of it is shown. */
function send(reply: FastifyReply, { answer }: ApiRoute, result: unknown): FastifyReply {
  const shown = answer.schema.safeParse(result);
  if (!shown.success)
    throw new Error(`an answer does not have its schema's form: ${z.prettifyError(shown.error)}`);
  return reply.code(answer.status).send(shown.data);
}

/** A stream goes on for whom it was begun for; with other rights, a new one is to be asked for. */
function isStill({ name, services }: Caller, authorize: () => Caller): boolean {
  try {
    const now = authorize();
    return now.name === name && now.services?.join() === services?.join();
  } catch {
    return false;
  }
}
