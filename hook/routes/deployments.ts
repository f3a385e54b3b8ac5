import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import type { ApiToken } from "../config/load.ts";
import type { Scope } from "../config/schema.ts";
import { HttpError } from "../errors.ts";
import { isSecret } from "../secret-hash.ts";
import type { Deployment, LogLine } from "../store/deployment.ts";
import type { Store } from "../store/store.ts";

export interface DeploymentOptions {
  tokens: readonly ApiToken[];
  store: Store;
}

/** What happened, for people and programs with a token. */
export async function deploymentRoutes(
  app: FastifyInstance,
  { tokens, store }: DeploymentOptions,
): Promise<void> {
  const onRequest = async (request: FastifyRequest) => requireScope("read", request, tokens);

  app.get("/api/deployments", { onRequest }, (request) => {
    const { limit, service, before } = parseQuery(request.query);
    // One more than asked for shows whether there is a next page.
    const found = store.list({ service, before, limit: limit + 1 });
    const page = found.slice(0, limit);
    const next = found.length > limit ? (page.at(-1)?.id ?? null) : null;
    return { deployments: page.map(present), next };
  });

  app.get<{ Params: { id: string } }>("/api/deployments/:id", { onRequest }, ({ params }) => {
    const found = /^\d{1,15}$/.test(params.id) ? store.find(Number(params.id)) : undefined;
    if (found === undefined) throw new HttpError("deployment_not_found");
    return { ...present(found), log: store.readLog(found.id).map(presentLine) };
  });
}

/** Every token is compared, also after one was found, so that the time tells nothing about which one is near. */
function requireScope(scope: Scope, request: FastifyRequest, tokens: readonly ApiToken[]): void {
  const given = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
  const [token] = tokens.filter(({ hash }) => isSecret(given, hash));
  if (token === undefined) throw new HttpError("unauthorized");
  if (!token.scopes.includes(scope)) throw new HttpError("forbidden", `it needs the scope ${scope}`);
}

const querySchema = z.strictObject({
  service: z.string().max(63).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
});

function parseQuery(query: unknown): z.output<typeof querySchema> {
  const parsed = querySchema.safeParse(query);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => [...path, message].join(": "));
  throw new HttpError("invalid_query", problems.join("; ").slice(0, 300));
}

function present({ pushedAtMs, acceptedAtMs, startedAtMs, finishedAtMs, ...deployment }: Deployment) {
  return {
    ...deployment,
    pushedAt: isoTime(pushedAtMs),
    acceptedAt: isoTime(acceptedAtMs),
    startedAt: isoTime(startedAtMs),
    finishedAt: isoTime(finishedAtMs),
  };
}

function presentLine({ atMs, line }: LogLine) {
  return { at: isoTime(atMs), line };
}

function isoTime(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}
