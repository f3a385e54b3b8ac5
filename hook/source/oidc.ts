import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import type { OidcSetting } from "./oidc-setting.ts";
import { VerifierUnavailable } from "./source.ts";

/** Pub/Sub waits 10 s for an answer by default. */
const fetchTimeoutMs = 3000;
/** While the keys cannot be had, no more than one webhook in this time makes the hook ask for them. */
const pauseAfterFailureMs = 1000;
const clockToleranceSeconds = 60;

/**
 * What is wrong with an `Authorization: Bearer` header that should bring an OpenID Connect token; `undefined` when all
 * is well. Throws VerifierUnavailable when the issuer's keys cannot be had: nothing was found right then.
 */
export async function verifyOidc(
  authorization: string | undefined,
  setting: OidcSetting,
  nowMs: number,
): Promise<string | undefined> {
  const token = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization ?? "")?.[1];
  if (token === undefined)
    return "it has no OpenID Connect token: has the subscription authentication enabled?";
  try {
    const { payload } = await jwtVerify(token, keysOf(setting.jwksUrl), {
      algorithms: ["RS256"],
      audience: setting.audience,
      issuer: [...setting.issuers],
      requiredClaims: ["exp", "iat"],
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(nowMs),
    });
    return checkEmail(payload, setting);
  } catch (error) {
    if (error instanceof errors.JOSEError) return `its token was refused: ${explain(error)}`;
    throw error;
  }
}

/** The signature says that Google made it, the audience for what; only this says on whose behalf. */
function checkEmail(
  { email, email_verified: isVerified }: JWTPayload,
  setting: OidcSetting,
): string | undefined {
  if (email !== setting.email) return "its token is of another account than `webhook.oidc.email`";
  return isVerified === true ? undefined : "its token's email is not verified";
}

/** jose's messages name claims and algorithms, and nothing of what is in them. */
function explain(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return "it has expired";
  if (error instanceof errors.JWTClaimValidationFailed)
    return `its claim \`${error.claim}\` is not the right one`;
  if (error instanceof errors.JOSEAlgNotAllowed) return "it is not signed with RS256";
  if (error instanceof errors.JWKSNoMatchingKey) return "its issuer has no such key";
  return "its signature is not of its issuer's keys";
}

const keySets = new Map<string, JWTVerifyGetKey>();

/** One a URL for as long as the process lives: the keys are kept for ten minutes, and asked for when one is new. */
function keysOf(url: URL): JWTVerifyGetKey {
  const known = keySets.get(url.href);
  if (known !== undefined) return known;
  const keys = createKeySet(url);
  keySets.set(url.href, keys);
  return keys;
}

function createKeySet(url: URL): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(url, { timeoutDuration: fetchTimeoutMs });
  let pausedUntilMs = 0;
  return async (header, token) => {
    const nowMs = performance.now();
    if (nowMs < pausedUntilMs && !keys.fresh) throw new VerifierUnavailable(describeFailure(url));
    try {
      return await keys(header, token);
    } catch (error) {
      // These are about the token; anything else is about the keys.
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JOSENotSupported) throw error;
      pausedUntilMs = nowMs + pauseAfterFailureMs;
      throw new VerifierUnavailable(describeFailure(url), { cause: error });
    }
  };
}

function describeFailure({ host }: URL): string {
  return `the keys that tokens are verified with could not be had from ${host}`;
}
