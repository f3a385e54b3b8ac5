import type { WebhookSetting } from "./setting.ts";
import { isToken } from "./signature.ts";
import { headerOf, type ReceivedWebhook } from "./source.ts";

/**
 * For senders that sign nothing but can be given a header: `Authorization` has one of the keys, as it is, as a bearer
 * token, or as the password of HTTP's basic scheme.
 */
export function verifyAuthorization(
  received: ReceivedWebhook,
  { signing }: WebhookSetting,
): string | undefined {
  const value = headerOf(received, "authorization");
  if (value === undefined) return "it has no signature and no Authorization header";
  const isKnown = [value, bearerToken(value), basicPassword(value)].some((given) => isToken(given, signing));
  return isKnown ? undefined : "its Authorization header has none of the keys of `webhook.signing`";
}

function bearerToken(value: string): string {
  return /^Bearer +(\S+)$/i.exec(value)?.[1] ?? "";
}

function basicPassword(value: string): string {
  const encoded = /^Basic +([A-Za-z0-9+/_=-]+)$/i.exec(value)?.[1] ?? "";
  const decoded = Buffer.from(encoded, "base64").toString("utf8");
  return decoded.slice(decoded.indexOf(":") + 1);
}
