/** Who signs OpenID Connect tokens, on loopback: a JSON Web Key Set and the keys behind it, made for the test. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SignJWT } from "jose";

export interface OidcIssuer {
  jwksUrl: string;
  /** How often the keys were asked for. */
  fetches(): number;
  /** What the server answers instead of the keys, until it is told `undefined`. */
  answerWith(answer: IssuerAnswer | undefined): void;
  /** A token as Pub/Sub sends it, with other claims or another header. */
  sign(claims?: object, options?: SignOptions): Promise<string>;
  /** From now on the key set has a new key only. */
  changeKey(): void;
  stop(): Promise<void>;
}

export type IssuerAnswer = { status: number; body?: string } | "silence";

export interface SignOptions {
  keyId?: string;
  key?: KeyObject;
  issuedAtMs?: number;
}

export const audience = "https://hook.example/hooks/blog/blog-secret-0123456789";
export const email = "pusher@acme.iam.gserviceaccount.com";

/** The claims of a token of Google's, by "Authentication for push subscriptions". */
const googleClaims = {
  aud: audience,
  azp: "113774264463038321964",
  email,
  email_verified: true,
  iss: "https://accounts.google.com",
  sub: "113774264463038321964",
};

export async function startOidcIssuer(): Promise<OidcIssuer> {
  let keyId = "key-1";
  let pair = generateRsa();
  let answer: IssuerAnswer | undefined;
  let fetches = 0;
  const server = createServer((_request, response) => {
    fetches += 1;
    if (answer === "silence") return;
    const keys = [{ ...pair.publicKey.export({ format: "jwk" }), kid: keyId, use: "sig", alg: "RS256" }];
    response.writeHead(answer?.status ?? 200, { "content-type": "application/json" });
    response.end(answer === undefined ? JSON.stringify({ keys }) : answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    jwksUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/certs`,
    fetches: () => fetches,
    answerWith(next) {
      answer = next;
    },
    sign(claims = {}, options = {}) {
      const issuedAt = Math.floor((options.issuedAtMs ?? Date.now()) / 1000);
      return new SignJWT({ ...googleClaims, iat: issuedAt, exp: issuedAt + 3600, ...claims })
        .setProtectedHeader({ alg: "RS256", kid: options.keyId ?? keyId, typ: "JWT" })
        .sign(options.key ?? pair.privateKey);
    },
    changeKey() {
      keyId = `${keyId}x`;
      pair = generateRsa();
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function generateRsa() {
  return generateKeyPairSync("rsa", { modulusLength: 2048 });
}
