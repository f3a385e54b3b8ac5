import { type Challenge, parseChallenges } from "./challenge.ts";
import type { Credentials } from "./credentials.ts";
import { exchange, type RegistryAnswer, type RegistryTls } from "./transport.ts";

/** Who asks, and over what. */
export interface Identity {
  credentials: Credentials | undefined;
  tls?: RegistryTls | undefined;
  signal: AbortSignal;
}

/** The `Authorization` to come back with, or why there is none. */
export type Authorization =
  | { header: string }
  /** `status` is the token server's, where there was an answer. */
  | { problem: string; status?: number };

/** What a token server logs as the program that asks. */
const clientId = "statigo";

/**
 * Answers a registry's 401: with a token from the server that it names (the distribution project's token
 * authentication), or with user and password.
 */
export async function authorize(
  { headers }: Pick<RegistryAnswer, "headers">,
  registry: URL,
  scope: string,
  identity: Identity,
): Promise<Authorization> {
  const challenges = parseChallenges(headers["www-authenticate"] ?? "");
  const bearer = challenges.find(({ scheme }) => scheme === "bearer");
  if (bearer !== undefined) return fetchToken(bearer, registry, scope, identity);
  const { credentials } = identity;
  if (challenges.some(({ scheme }) => scheme === "basic")) {
    if (credentials === undefined)
      return { problem: "it wants a user and a password, and none are configured" };
    if ("identityToken" in credentials) {
      return { problem: "it wants a user and a password, and only an identity token is configured" };
    }
    return { header: basicHeader(credentials) };
  }
  const offered = challenges.map(({ scheme }) => scheme).join(", ");
  return {
    problem: offered === "" ? "it does not say how to log in" : `it wants to be logged in to by ${offered}`,
  };
}

async function fetchToken(
  { parameters }: Challenge,
  registry: URL,
  scope: string,
  { credentials, tls, signal }: Identity,
): Promise<Authorization> {
  const realm = URL.parse(parameters["realm"] ?? "");
  // A registry reached by https must not send the password on to a place without TLS.
  if (realm === null || !(realm.protocol === "https:" || realm.protocol === registry.protocol)) {
    return { problem: "the token server that it names is not an https URL" };
  }
  const wish = { service: parameters["service"] ?? "", scope: widen(parameters["scope"], scope) };
  // A certificate authority and a client certificate of the registry's are not the token server's, if it is another.
  const request = { signal, tls: realm.hostname === registry.hostname ? tls : caOf(tls) };
  const answer =
    credentials !== undefined && "identityToken" in credentials
      ? await exchange({ ...request, ...refreshRequest(realm, wish, credentials.identityToken) })
      : await exchange({ ...request, ...tokenRequest(realm, wish, credentials) });
  return readToken(answer, realm);
}

/**
 * What the registry asks for, with what else is wanted of the same repository: it names `pull` where the first request
 * only reads, and a push would begin with a second token.
 */
export function widen(asked: string | undefined, wanted: string): string {
  if (asked === undefined || asked === "") return wanted;
  const [wantedName, wantedActions = ""] = splitScope(wanted);
  const scopes = asked.split(" ").map((scope) => {
    const [name, actions = ""] = splitScope(scope);
    if (name !== wantedName) return scope;
    return `${name}:${[...new Set([...actions.split(","), ...wantedActions.split(",")])].join(",")}`;
  });
  return scopes.join(" ");
}

/** `repository:stut/blog:pull,push`; a name may have a port, and its colon, in it. */
function splitScope(scope: string): [name: string, actions: string | undefined] {
  const colon = scope.lastIndexOf(":");
  return [scope.slice(0, colon), scope.slice(colon + 1)];
}

function caOf(tls: RegistryTls | undefined): RegistryTls | undefined {
  return tls?.ca === undefined ? undefined : { ca: tls.ca };
}

interface Wish {
  service: string;
  scope: string;
}

function tokenRequest(
  realm: URL,
  { service, scope }: Wish,
  credentials: { username: string; password: string } | undefined,
) {
  const url = new URL(realm);
  if (service !== "") url.searchParams.set("service", service);
  for (const one of scope.split(" ")) url.searchParams.append("scope", one);
  if (credentials === undefined) return { method: "GET", url } as const;
  url.searchParams.set("account", credentials.username);
  return { method: "GET", url, headers: { authorization: basicHeader(credentials) } } as const;
}

/** An identity token is an OAuth 2 refresh token: distribution's "Docker Registry v2 OAuth2 authentication". */
function refreshRequest(realm: URL, { service, scope }: Wish, identityToken: string) {
  const form = {
    grant_type: "refresh_token",
    service,
    scope,
    client_id: clientId,
    refresh_token: identityToken,
  };
  return {
    method: "POST",
    url: realm,
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form).toString(),
  } as const;
}

function basicHeader({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

function readToken({ status, body }: RegistryAnswer, realm: URL): Authorization {
  if (status !== 200) {
    return { problem: `its token server ${realm.host} answered ${status}`, status };
  }
  let parsed: { token?: unknown; access_token?: unknown } | null;
  try {
    parsed = JSON.parse(body.toString("utf8"));
  } catch {
    parsed = null;
  }
  const token = parsed?.token ?? parsed?.access_token;
  // Anything else would be a header's end, or worse.
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return { header: `Bearer ${token}` };
  return { problem: `its token server ${realm.host} answered without a token` };
}
