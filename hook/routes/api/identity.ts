import { HttpError } from "../../http/errors.ts";
import type { Caller } from "./caller.ts";
import type { ApiToken, Scope } from "./token.ts";

/** Who asks, and what that one may: as a token says, or a session. */
export interface Identity extends Caller {
  scopes: readonly Scope[];
}

/** What each scope includes. */
const included: Readonly<Record<Scope, readonly Scope[]>> = {
  read: ["read"],
  deploy: ["read", "deploy"],
  admin: ["read", "deploy", "admin"],
};

export function identityOf({ name, scopes, services }: ApiToken): Identity {
  return { name, scopes, services };
}

/** All that somebody may, the scopes that others include as well. */
export function allScopes({ scopes }: Pick<Identity, "scopes">): Scope[] {
  return [...new Set(scopes.flatMap((scope) => included[scope]))];
}

export function requireScope(identity: Identity, scope: Scope): Caller {
  if (!allScopes(identity).includes(scope)) throw new HttpError("forbidden", `it needs the scope ${scope}`);
  return { name: identity.name, services: identity.services };
}
