import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { hashSecret } from "../secret/secret-hash.ts";

/**
 * Whether one of the keys made this HMAC-SHA256, in hexadecimal. Every key is tried, also after one was found, so
 * that the time does not tell which. An empty or cut signature is none.
 */
export function isHexHmac(given: string, message: Buffer, keys: readonly string[]): boolean {
  if (!/^[0-9a-f]{64}$/i.test(given)) return false;
  const bytes = Buffer.from(given, "hex");
  return keys.filter((key) => timingSafeEqual(hmac(Buffer.from(key, "utf8"), message), bytes)).length > 0;
}

/** Whether this is one of the keys themselves: what a sender brings that does not sign. */
export function isToken(given: string, keys: readonly string[]): boolean {
  const hash = hashSecret(given);
  return keys.filter((key) => timingSafeEqual(hashSecret(key), hash)).length > 0;
}

export function hmac(key: Buffer, message: Buffer | string): Buffer {
  return createHmac("sha256", key).update(message).digest();
}

/** A name for a body: the same bytes have the same one. */
export function hashOf(body: Buffer): string {
  return createHash("sha256").update(body).digest("hex");
}
