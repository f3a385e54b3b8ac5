import { timingSafeEqual } from "node:crypto";
import { parseSigningKey } from "../secret/standard-webhooks.ts";
import { readPlain } from "./plain.ts";
import type { WebhookSetting } from "./setting.ts";
import { hmac } from "./signature.ts";
import { headerOf, type ReceivedWebhook, type Source } from "./source.ts";

/** How far the sender's clock may be from this one's: what the Standard Webhooks libraries allow. */
const toleranceMs = 300_000;

/** Our own generic form: `{ "tag", "image"?, "digest"? }`, signed as the Standard Webhooks specification has it. */
export const standardWebhooks: Source = {
  name: "standard-webhooks",
  recognises: hasSignature,
  verify: verifySignature,
  read: (request) => {
    const reading = readPlain(request);
    const deliveryId = headerOf(request, "webhook-id");
    return reading.kind === "triggers" && deliveryId !== undefined ? { ...reading, deliveryId } : reading;
  },
};

const headerNames = ["webhook-id", "webhook-timestamp", "webhook-signature"] as const;

export function hasSignature({ headers }: ReceivedWebhook): boolean {
  return headerNames.every((name) => headers[name] !== undefined);
}

/** The header may have several signatures, one a key, for the time of a change; other versions than v1 are passed over. */
export function verifySignature(
  received: ReceivedWebhook,
  { signing }: WebhookSetting,
  nowMs: number,
): string | undefined {
  const [id = "", timestamp = "", header = ""] = headerNames.map((name) => headerOf(received, name));
  if (id === "" || timestamp === "" || header === "")
    return "it lacks one of the headers webhook-id, webhook-timestamp, webhook-signature";
  if (!/^\d{1,12}$/.test(timestamp)) return "webhook-timestamp is not in whole seconds";
  if (Math.abs(nowMs - Number(timestamp) * 1000) > toleranceMs)
    return "webhook-timestamp is more than 5 minutes away: is it an old delivery, or is a clock wrong?";
  const message = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), received.raw]);
  const given = readSignatures(header);
  const isMade = signing
    .map((key) => hmac(readKey(key), message))
    .filter((expected) => given.filter((signature) => timingSafeEqual(signature, expected)).length > 0);
  return isMade.length > 0 ? undefined : "webhook-signature is not of its body";
}

/** A header can hold hundreds; no sender changes that many keys at once. */
const maximumSignatures = 10;

function readSignatures(header: string): Buffer[] {
  return header
    .split(" ", maximumSignatures)
    .filter((signature) => /^v1,[A-Za-z0-9+/]{43}=$/.test(signature))
    .map((signature) => Buffer.from(signature.slice("v1,".length), "base64"));
}

/** `whsec_` and base64; a key without the prefix is taken letter by letter. */
export function readKey(key: string): Buffer {
  return parseSigningKey(key) ?? Buffer.from(key, "utf8");
}
