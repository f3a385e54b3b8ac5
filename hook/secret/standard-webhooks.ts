import { createHmac } from "node:crypto";

/** The three headers of the Standard Webhooks specification. */
export interface SignedHeaders {
  "webhook-id": string;
  "webhook-timestamp": string;
  "webhook-signature": string;
}

/** Signs a body with every key: while a key is being changed, receivers with either of them find their signature. */
export function signWebhook(
  id: string,
  timeMs: number,
  body: string,
  keys: readonly Buffer[],
): SignedHeaders {
  const timestamp = String(Math.floor(timeMs / 1000));
  const sign = (key: Buffer) =>
    `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": keys.map(sign).join(" ") };
}

/** `whsec_` and 24 to 64 bytes in base64, or `undefined` when it is something else. */
export function parseSigningKey(text: string): Buffer | undefined {
  const [, encoded] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  const key = Buffer.from(encoded ?? "", "base64");
  return key.length >= 24 && key.length <= 64 ? key : undefined;
}
