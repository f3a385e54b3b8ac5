import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { HttpError } from "../http/errors.ts";
import type { LiveConfig } from "../live-config.ts";
import { findToken, refuseToken } from "../routes/api/caller.ts";
import { allScopes, type Identity, identityOf } from "../routes/api/identity.ts";
import { acceptJsonOnly } from "../routes/api/request.ts";
import { limitSignIns } from "../routes/rate-limits.ts";
import { isUnavailable } from "../store/writer.ts";
import { findAssets } from "./assets.ts";
import { isSameOrigin } from "./same-origin.ts";
import { setSecurityHeaders } from "./security-headers.ts";
import type { Begun, Sessions } from "./sessions.ts";

export interface DashboardOptions {
  live: LiveConfig;
  sessions: Sessions;
}

const notBuilt = "The dashboard has not been built: npm run build, then start the hook again.\n";

/** The page under `/dashboard/`, and signing in and out. What the page shows it asks of the API. */
export async function dashboardRoutes(app: FastifyInstance, options: DashboardOptions): Promise<void> {
  app.addHook("onRequest", async (_request, reply) => {
    if (!options.live.current.dashboard.enabled) throw new HttpError("not_found");
    setSecurityHeaders(reply);
  });
  servePage(app);
  await app.register(sessionRoutes, options);
}

function servePage(app: FastifyInstance): void {
  const root = findAssets();
  if (root === undefined) {
    app.get("/dashboard/", (_request, reply) => reply.code(503).type("text/plain").send(notBuilt));
    return;
  }
  app.register(fastifyStatic, {
    root,
    prefix: "/dashboard/",
    decorateReply: false,
    preCompressed: true,
    cacheControl: false,
    setHeaders: (reply, path) =>
      // A name with the content's hash never stands for anything else.
      reply.header(
        "cache-control",
        /-[A-Z0-9]{8}\./.test(path) ? "public, max-age=31536000, immutable" : "no-cache",
      ),
  });
  app.get("/dashboard", (_request, reply) => reply.redirect("dashboard/"));
}

const signInBody = z.strictObject({ token: z.string().trim().min(1).max(256) });

async function sessionRoutes(app: FastifyInstance, { live, sessions }: DashboardOptions): Promise<void> {
  acceptJsonOnly(app);
  const refused = limitSignIns(app, live);

  app.get("/dashboard/session", async (request, reply) => {
    const identity = sessions.identify(request);
    if (identity !== undefined) return present(identity, sessions.csrfToken(request) ?? "");
    const user = sessions.findProxyUser(request);
    if (user === undefined) return { signedIn: false };
    return present(user.identity, (await begin(request, reply, user)).csrfToken);
  });

  app.post("/dashboard/session", async (request, reply) => {
    if (!isSameOrigin(request, live.current.publicUrl))
      throw new HttpError("forbidden", "another site's page asks for it");
    const body = signInBody.safeParse(request.body);
    if (!body.success) throw new HttpError("invalid_body", 'it must be { "token": "…" }');
    const token = findToken(`Bearer ${body.data.token}`, live.current.tokens);
    if (token === undefined) {
      await refused(request, reply);
      throw refuseToken(`Bearer ${body.data.token}`);
    }
    return present(identityOf(token), (await begin(request, reply, token)).csrfToken);
  });

  app.delete("/dashboard/session", async (request, reply) => {
    sessions.identify(request);
    reply.header("set-cookie", await sessions.end(request));
    return { signedIn: false };
  });

  async function begin(
    request: FastifyRequest,
    reply: FastifyReply,
    starter: Parameters<Sessions["begin"]>[1],
  ): Promise<Begun> {
    try {
      const begun = await sessions.begin(request, starter);
      reply.header("set-cookie", begun.cookie);
      return begun;
    } catch (error) {
      if (isUnavailable(error)) throw new HttpError("store_unavailable");
      throw error;
    }
  }
}

function present(identity: Identity, csrfToken: string) {
  const { name, services } = identity;
  return { signedIn: true, name, scopes: allScopes(identity), services: services ?? null, csrfToken };
}
