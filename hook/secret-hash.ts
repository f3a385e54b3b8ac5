import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** SHA-256 of a secret: all the hook keeps of it. A brand, so that a plain buffer is not taken for one. */
export type SecretHash = Buffer & { readonly __secretHash: unique symbol };

export function hashSecret(secret: string): SecretHash {
  return createHash("sha256").update(secret, "utf8").digest() as SecretHash;
}

/** Both sides are hashed, so neither the length nor the first difference shows in the time it takes. */
export function isSecret(given: string, expected: SecretHash): boolean {
  return timingSafeEqual(hashSecret(given), expected);
}

/** A hash that no secret has, for doing the same work when there is nothing to compare with. */
export const hashOfNothing = hashSecret(randomBytes(32).toString("hex"));
