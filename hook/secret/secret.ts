import { randomBytes } from "node:crypto";

/** 32 random bytes that stand in a URL as they are: the last part of a service's webhook URL, or a token. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

/** A key for signing, in the form of the Standard Webhooks specification, which GitLab takes as a signing token. */
export function newSigningKey(): string {
  return `whsec_${randomBytes(32).toString("base64")}`;
}
