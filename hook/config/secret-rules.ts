import type { SecretRule } from "./fields.ts";

const minimumSecretLength = 16;
/** Longer ones would not fit the router's limit for a part of a path (`maxParamLength` in app.ts). */
const maximumSecretLength = 256;

export const isLongEnough: SecretRule = (secret) => {
  if (secret.length < minimumSecretLength) {
    return `has ${secret.length} characters; a secret needs at least ${minimumSecretLength} (try: openssl rand -hex 24)`;
  }
  return secret.length > maximumSecretLength ? `is longer than ${maximumSecretLength} characters` : undefined;
};

/** What RFC 3986 section 3.3 lets stand in a path segment as it is, so that the URL can be pasted anywhere. */
export const fitsIntoUrl: SecretRule = (secret) =>
  /^[A-Za-z0-9._~!$&'()*+,;=:@-]*$/.test(secret)
    ? isLongEnough(secret)
    : "has characters that do not fit into a URL as they are; use letters, digits, - and _";

/** What RFC 6750 section 2.1 lets stand in an Authorization header; what else there is would never be found right. */
export const fitsIntoHeader: SecretRule = (secret) =>
  /^[\x21-\x7e]*$/.test(secret)
    ? isLongEnough(secret)
    : "has characters that do not fit into a header; use letters, digits, - and _";
