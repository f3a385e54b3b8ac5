import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyRequest } from "fastify";
import type { Config } from "../config/load.ts";
import { HttpError } from "../http/errors.ts";
import type { LiveConfig } from "../live-config.ts";
import { type Identity, identityOf } from "../routes/api/identity.ts";
import type { ApiToken } from "../routes/api/token.ts";
import { newSecret } from "../secret/secret.ts";
import { hashSecret } from "../secret/secret-hash.ts";
import type { Session } from "../store/sessions.ts";
import type { Store } from "../store/store.ts";
import { formatCookie, readCookie } from "./cookie.ts";
import { isSameOrigin } from "./same-origin.ts";
import type { ProxySetting } from "./setting.ts";

/** Who is signed in, and how one comes to be. */
export interface Sessions {
  /** Of a request whose cookie is good; throws when something would be changed and no page of ours asks for it. */
  identify(request: FastifyRequest): Identity | undefined;
  begin(request: FastifyRequest, starter: ApiToken | ProxyUser): Promise<Begun>;
  /** Whom a trusted proxy vouches for in this request. */
  findProxyUser(request: FastifyRequest): ProxyUser | undefined;
  /** What a request that changes something has to bring in `X-CSRF-Token`. */
  csrfToken(request: FastifyRequest): string | undefined;
  end(request: FastifyRequest): Promise<string>;
}

export interface ProxyUser {
  user: string;
  identity: Identity;
}

export interface Begun {
  cookie: string;
  csrfToken: string;
}

export function createSessions({ live, store }: { live: LiveConfig; store: Store }): Sessions {
  function find(request: FastifyRequest): Identity | undefined {
    const id = readCookie(request);
    const session = id === undefined ? undefined : store.findSession(hashOf(id));
    if (session === undefined) return undefined;
    if (session.kind === "token") return findByToken(session, live.current);
    // Who is signed out at the proxy, or is somebody else there, is so here.
    const present = findProxyUser(request);
    return present?.user === session.name ? present.identity : undefined;
  }

  function findProxyUser({ headers, socket }: FastifyRequest): ProxyUser | undefined {
    const { dashboard, isTrustedProxy } = live.current;
    if (dashboard.proxy === undefined || !isTrustedProxy(socket.remoteAddress ?? "")) return undefined;
    const user = headers[dashboard.proxy.header];
    if (typeof user !== "string" || !/^[\x21-\x7e\x80-\xff]{1,100}$/.test(user)) return undefined;
    const identity = proxyIdentity(user, dashboard.proxy);
    return identity === undefined ? undefined : { user, identity };
  }

  return {
    findProxyUser,
    identify(request) {
      const found = find(request);
      if (found !== undefined && request.method !== "GET") requireOwnPage(request, live.current);
      return found;
    },
    async begin(request, starter) {
      const id = newSecret();
      const { sessionMs } = live.current.dashboard;
      const about =
        "user" in starter
          ? ({ kind: "proxy", name: starter.user, fingerprint: "" } as const)
          : ({ kind: "token", name: starter.name, fingerprint: fingerprintOf(starter) } as const);
      await store.addSession(hashOf(id), { ...about, expiresAtMs: Date.now() + sessionMs });
      return { cookie: formatCookie(request, id, Math.floor(sessionMs / 1000)), csrfToken: csrfTokenOf(id) };
    },
    csrfToken(request) {
      const id = readCookie(request);
      return id === undefined ? undefined : csrfTokenOf(id);
    },
    async end(request) {
      const id = readCookie(request);
      if (id !== undefined) await store.removeSession(hashOf(id));
      return formatCookie(request, "", 0);
    },
  };
}

/** Either alone would do: browsers that say nothing about where a request comes from are old, and there are some. */
function requireOwnPage(request: FastifyRequest, { publicUrl }: Config): void {
  if (!isSameOrigin(request, publicUrl)) throw new HttpError("forbidden", "another site's page asks for it");
  const given = hashSecret(String(request.headers["x-csrf-token"] ?? ""));
  const expected = hashSecret(csrfTokenOf(readCookie(request) ?? ""));
  if (!timingSafeEqual(given, expected))
    throw new HttpError("forbidden", "X-CSRF-Token is missing or of another session");
}

function findByToken({ name, fingerprint }: Session, { tokens }: Config): Identity | undefined {
  const token = tokens.find((one) => one.name === name && fingerprintOf(one) === fingerprint);
  return token === undefined ? undefined : identityOf(token);
}

function proxyIdentity(user: string, { users, scope: everybodys }: ProxySetting): Identity | undefined {
  const scope = Object.hasOwn(users, user) ? users[user] : everybodys;
  return scope === undefined ? undefined : { name: user, scopes: [scope], services: undefined };
}

/** Tells one token from another, and nothing about it. */
function fingerprintOf({ hash }: ApiToken): string {
  return createHash("sha256").update(hash).digest("hex").slice(0, 32);
}

function hashOf(id: string): string {
  return hashSecret(id).toString("hex");
}

/** Made from what only this browser and nobody's page can know, so that none has to be kept. */
function csrfTokenOf(id: string): string {
  return createHash("sha256").update(`csrf ${id}`).digest("base64url");
}
