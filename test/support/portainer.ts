/**
 * A loopback server that answers as Portainer's own source does (Community Edition 2.2x; repository
 * portainer/portainer). What it was asked for is kept. Its two webhooks are played here; what works on an Engine is in
 * portainer-engine.ts.
 *
 * Routes:
 *   POST /api/webhooks/{token}            api/http/handler/webhooks/handler.go, webhook_execute.go
 *   GET  /api/system/status               api/http/handler/system/handler.go, status.go
 *   POST /api/stacks/webhooks/{webhookID} api/http/handler/stacks/handler.go, webhook_invoke.go
 * A request with an API key: api/http/security/bouncer.go, mwAuthenticateFirst, apiKeyLookup.
 * Errors are `{"message","details"}` with the details' first letter in upper case: pkg/libhttp/error/error.go.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Answer, failure } from "./portainer-answer.ts";
import {
  answerStacks,
  executeRealWebhook,
  forceUpdateService,
  type Managed,
  proxyToDocker,
} from "./portainer-engine.ts";

export interface SwarmService {
  /** The image in the service's specification; the webhook changes it. */
  image: string;
  /** `ForceUpdate` of the task template: counts the updates. */
  updates: number;
  /** Tags that can be pulled; every one when left out. */
  tags?: readonly string[];
  /** What Docker says when the update itself fails. */
  updateError?: string;
}

export interface Stack {
  redeployments: number;
  /** The stack's author is gone: `StackAuthorMissingErr` of api/stacks/deployments/deploy.go. */
  hasNoAuthor?: boolean;
  /** Releases after 2.27 say 409 while a deployment runs. */
  isDeploying?: boolean;
  /** Those releases also answer 202 with JSON where earlier ones answered an empty 204. */
  answersJson?: boolean;
}

export interface Portainer {
  origin: string;
  /** By the token of their webhooks. */
  services: Map<string, SwarmService>;
  /** By the UUID of their webhooks. */
  stacks: Map<string, Stack>;
  /** Method and path with query, in the order they came. */
  requests: string[];
  stop(): Promise<void>;
}

/** One with an Engine, and the API key of its administrator. */
export interface EngineOptions {
  managed: Managed;
  apiKey: string;
}

export async function startPortainer(options?: EngineOptions): Promise<Portainer> {
  const portainer = { services: new Map(), stacks: new Map(), requests: [] as string[] };
  const server = createServer(async (request, response) => {
    const managed = options && (await answerManaged(request, response, options, portainer.requests));
    if (managed === "proxied") return;
    send(response, managed ?? answer(request, portainer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { ...portainer, origin: `http://127.0.0.1:${port}`, stop };
}

/** What has to do with the Engine; `undefined` for the rest. */
async function answerManaged(
  request: IncomingMessage,
  response: ServerResponse,
  { managed, apiKey }: EngineOptions,
  requests: string[],
): Promise<Answer | "proxied" | undefined> {
  const { method = "", url = "" } = request;
  const { pathname, searchParams } = new URL(url, "http://portainer");
  const [, token = ""] = /^\/api\/webhooks\/([^/]+)$/.exec(pathname) ?? [];
  const service = managed.webhooks.get(token);
  if (service !== undefined && method === "POST") {
    requests.push(`${method} ${url}`);
    return executeRealWebhook(managed, service, searchParams.get("tag") ?? "");
  }
  const [, endpoint = "", rest = ""] = /^\/api\/endpoints\/([^/]+)(\/.*)$/.exec(url) ?? [];
  const [, stackPath] = /^\/api\/stacks(\/(?!webhooks).*)?$/.exec(pathname) ?? [];
  const isStacks = /^\/api\/stacks(?:\/(?!webhooks)|$)/.test(pathname);
  if (endpoint === "" && !isStacks) return undefined;
  requests.push(`${method} ${url}`);
  const refusal = authenticate(request, apiKey);
  if (refusal !== undefined) return refusal;
  if (isStacks) return answerStacks(managed, method, stackPath ?? "", searchParams, await readJson(request));
  if (!/^\d+$/.test(endpoint))
    return failure(400, "Invalid environment identifier route variable", "Invalid request URL");
  if (Number(endpoint) !== managed.endpoint) {
    const message = "Unable to find an environment with the specified identifier inside the database";
    return failure(404, message, "Object not found inside the database");
  }
  if (rest === "/forceupdateservice" && method === "PUT")
    return forceUpdateService(managed, await readJson(request));
  if (!rest.startsWith("/docker/")) return { status: 404 };
  proxyToDocker(managed, rest.slice("/docker".length), request, response);
  return "proxied";
}

/** mwAuthenticateFirst: no key at all and a wrong one get different words. */
function authenticate({ headers }: IncomingMessage, apiKey: string): Answer | undefined {
  const given = headers["x-api-key"];
  if (given === apiKey) return undefined;
  if (given !== undefined) return failure(401, "Invalid JWT token", "Unauthorized");
  return failure(401, "A valid authorization token is missing", "Unauthorized");
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  return text === "" ? {} : JSON.parse(text);
}

type Content = Pick<Portainer, "services" | "stacks" | "requests">;

function answer({ method, url = "" }: IncomingMessage, { services, stacks, requests }: Content): Answer {
  requests.push(`${method} ${url}`);
  const { pathname, searchParams } = new URL(url, "http://portainer");
  if (pathname === "/api/system/status" && method === "GET") {
    return { status: 200, body: { Version: "2.27.3", InstanceID: "299ab403-70a8-4c05-92f7-bf7a994d50df" } };
  }
  // handler.go of both packages registers these paths for POST alone; gorilla/mux answers 405 to other methods.
  const [, kind, id = ""] = /^\/api\/(webhooks|stacks\/webhooks)\/([^/]+)$/.exec(pathname) ?? [];
  if (kind === undefined) return { status: 404 };
  if (method !== "POST") return { status: 405 };
  return kind === "webhooks"
    ? executeServiceWebhook(services.get(id), searchParams.get("tag") ?? "")
    : invokeStackWebhook(stacks.get(id.toLowerCase()), id);
}

/** webhook_execute.go: webhookExecute, executeServiceWebhook. */
function executeServiceWebhook(service: SwarmService | undefined, tag: string): Answer {
  // IsErrObjectNotFound → httperror.NotFound; the error's text is api/dataservices/errors/errors.go's.
  if (service === undefined) {
    return failure(404, "Unable to find a webhook with this token", "Object not found inside the database");
  }
  // `strings.Split(image, "@sha")[0]`, then what follows the last ":" is replaced, a registry's port as well.
  const name = service.image.split("@sha")[0] ?? "";
  const colon = name.lastIndexOf(":");
  const image = tag === "" ? name : `${colon < 0 ? name : name.slice(0, colon)}:${tag}`;
  // dockerClient.ImagePull fails → httperror.NotFound.
  if (tag !== "" && service.tags !== undefined && !service.tags.includes(tag)) {
    const details = `Error response from daemon: manifest for ${image} not found: manifest unknown`;
    return failure(404, "Error pulling image with the specified tag", details);
  }
  // dockerClient.ServiceUpdate fails → httperror.InternalServerError.
  if (service.updateError !== undefined) return failure(500, "Error updating service", service.updateError);
  service.image = image;
  service.updates += 1;
  // `return response.Empty(w)`: pkg/libhttp/response/response.go, 204.
  return { status: 204 };
}

/** webhook_invoke.go: webhookInvoke. */
function invokeStackWebhook(stack: Stack | undefined, id: string): Answer {
  // retrieveUUIDRouteVariableValue: uuid.FromString, since then uuid.Parse.
  if (!/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) {
    return failure(400, "Invalid webhook identifier route variable", `invalid UUID length: ${id.length}`);
  }
  if (stack === undefined) {
    return failure(404, "Unable to find the stack by webhook ID", "Object not found inside the database");
  }
  if (stack.isDeploying)
    return failure(409, "Unable to update stack", "Stack deployment is already in progress");
  // StackAuthorMissingErr → httperror.Conflict.
  if (stack.hasNoAuthor) {
    const details = 'Stack\'s 1 author "admin" is missing';
    return failure(409, "Autoupdate for the stack isn't available", details);
  }
  stack.redeployments += 1;
  // 204 by response.Empty(w) in releases up to 2.27, then 202 by response.JSONWithStatus(webhookInvokeResponse).
  if (!stack.answersJson) return { status: 204 };
  const message = "Deployment triggered. Poll the stack to check the deployment status.";
  return { status: 202, body: { stackId: 1, message } };
}

function send(response: ServerResponse, { status, body }: Answer): void {
  if (body === undefined) return void response.writeHead(status).end();
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
