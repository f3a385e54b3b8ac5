/**
 * A token server for a registry, on loopback: the distribution project's "Token Authentication Specification" (GET
 * with user and password) and "OAuth2 Token Authentication" (POST with a refresh token).
 */
import { createSign, randomUUID, X509Certificate } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { type KeyPair, registryUser } from "./registry.ts";

export interface TokenServer {
  /** What the registry names as its realm. */
  realm: string;
  /** `auth` of a registry that believes this server. */
  auth: object;
  /** Method, path with query and form, in the order they came. */
  requests: string[];
  /** A token for pushing to a repository. */
  grant(repository: string, actions?: string[]): string;
  stop(): Promise<void>;
}

export const identityToken = "identity-token-0123456789";
const service = "test-registry";
const issuer = "test-issuer";

export async function startTokenServer({
  certificate,
  certificatePem,
  keyPem,
}: KeyPair): Promise<TokenServer> {
  const chain = [new X509Certificate(certificatePem).raw.toString("base64")];
  const grant = (repository: string, actions = ["pull", "push"]) =>
    signToken(keyPem, chain, [{ type: "repository", name: repository, actions }]);
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    const form = await readBody(request);
    requests.push(`${request.method} ${request.url} ${form}`.trimEnd());
    const asked = new URLSearchParams(form || new URL(request.url ?? "", "http://token").search);
    if (!isKnown(request, asked)) return void response.writeHead(401).end();
    // Several of GET are parameters of their own, several of POST stand in one.
    const access = asked
      .getAll("scope")
      .flatMap((scope) => scope.split(" "))
      .map((scope) => {
        const [type = "", name = "", actions = ""] = scope.split(":");
        return { type, name, actions: actions.split(",") };
      });
    const token = signToken(keyPem, chain, access);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(form === "" ? { token } : { access_token: token }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  const auth = { token: { realm, service, issuer, rootcertbundle: certificate } };
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { realm, auth, requests, grant, stop };
}

function isKnown({ method, headers }: IncomingMessage, asked: URLSearchParams): boolean {
  if (asked.get("service") !== service) return false;
  if (method === "POST") return asked.get("refresh_token") === identityToken;
  const { username, password } = registryUser;
  return headers.authorization === `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

/** A JSON Web Token with the certificate that signed it in `x5c`. */
function signToken(keyPem: string, x5c: string[], access: object[]): string {
  const now = Math.floor(Date.now() / 1000);
  const times = { exp: now + 300, nbf: now - 10, iat: now };
  const claims = { iss: issuer, sub: "ci", aud: service, ...times, jti: randomUUID(), access };
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const text = `${encode({ typ: "JWT", alg: "ES256", x5c })}.${encode(claims)}`;
  const signature = createSign("SHA256").update(text).sign({ key: keyPem, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += chunk;
  return body;
}
