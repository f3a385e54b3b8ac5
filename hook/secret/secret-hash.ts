import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** SHA-256 of a secret: all the hook keeps of it. A brand, so that a plain buffer is not taken for one. */
export type SecretHash = Buffer & { readonly __secretHash: unique symbol };

export function hashSecret(secret: string): SecretHash {
  return createHash("sha256").update(secret, "utf8").digest() as SecretHash;
}

/** A hash as a config may write it. */
export function readHash(text: unknown): SecretHash | undefined {
  if (typeof text !== "string" || !/^[0-9a-f]{64}$/i.test(text)) return undefined;
  return Buffer.from(text, "hex") as SecretHash;
}

/** Both sides are hashed, so neither the length nor the first difference shows in the time it takes. */
export function isSecret(given: string, expected: SecretHash): boolean {
  return timingSafeEqual(hashSecret(given), expected);
}

/** A hash that no secret has, for doing the same work when there is nothing to compare with. */
export const hashOfNothing = hashSecret(randomBytes(32).toString("hex"));

/** Whether this is one of at most two secrets: always one hash and two comparisons, also when there is none. */
export function isOneOf(given: string, [first, second]: readonly SecretHash[]): boolean {
  const hash = hashSecret(given);
  const isFirst = timingSafeEqual(hash, first ?? hashOfNothing);
  const isSecond = timingSafeEqual(hash, second ?? hashOfNothing);
  return isFirst || isSecond;
}
