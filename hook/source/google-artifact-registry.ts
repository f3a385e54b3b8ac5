import { isJsonObject, type JsonObject } from "../json.ts";
import { isTag, makeTrigger, readTime } from "../trigger.ts";
import type { WebhookSetting } from "./setting.ts";
import {
  headerOf,
  ignored,
  malformed,
  type Reading,
  type ReceivedWebhook,
  type Source,
  type WebhookRequest,
} from "./source.ts";
import { nameDelivery, readingOf, splitReference } from "./triggers.ts";

/**
 * Google Artifact Registry (and what Container Registry was): its Pub/Sub topic `gcr`, through a push subscription.
 * Pub/Sub sends again whatever is not answered with 2xx, for a week.
 */
export const googleArtifactRegistry: Source = {
  name: "google-artifact-registry",
  recognises: (request) => isUnwrapped(request) || hasMessage(request.body),
  verify,
  read: (request) => (isUnwrapped(request) ? readUnwrapped(request) : readNotification(request.body)),
};

/** Payload unwrapping with "write metadata": the message's data is the body, the rest is in headers. */
function isUnwrapped({ headers }: ReceivedWebhook): boolean {
  return headers["x-goog-pubsub-subscription-name"] !== undefined;
}

function hasMessage(body: unknown): boolean {
  return isJsonObject(body) && typeof body["subscription"] === "string" && isJsonObject(body["message"]);
}

function verify(received: ReceivedWebhook, { oidc }: WebhookSetting, nowMs: number) {
  if (oidc === undefined)
    return "Pub/Sub signs nothing that `webhook.signing` could verify; use `webhook.oidc`";
  // Loaded when the first token comes: it takes memory that a hook for other senders need not have.
  return import("./oidc.ts").then(({ verifyOidc }) =>
    verifyOidc(headerOf(received, "authorization"), oidc, nowMs),
  );
}

function readUnwrapped(request: WebhookRequest): Reading {
  const publishTime = headerOf(request, "x-goog-pubsub-publish-time");
  const id = headerOf(request, "x-goog-pubsub-message-id");
  return readData(request.body, { publishTime, id });
}

/** `{ message: { data, messageId, publishTime }, subscription }`, where `data` is JSON in base64. */
export function readNotification(body: unknown): Reading {
  const message = isJsonObject(body) ? body["message"] : undefined;
  if (!isJsonObject(message)) return malformed("message is not an object");
  const data = decodeData(message["data"]);
  // Anybody with the right to publish may say anything on the topic; refused, it would come again for a week.
  if (data === undefined) return ignored("the message is not one of a registry");
  return readData(data, {
    publishTime: message["publishTime"] ?? message["publish_time"],
    id: message["messageId"] ?? message["message_id"],
  });
}

function decodeData(text: unknown): JsonObject | undefined {
  if (typeof text !== "string") return undefined;
  try {
    const data: unknown = JSON.parse(Buffer.from(text, "base64").toString("utf8"));
    return isJsonObject(data) ? data : undefined;
  } catch {
    return undefined;
  }
}

/** `{ action, digest?, tag? }`: both are names with the registry's host. An image without a tag has no `tag`. */
function readData(data: unknown, { publishTime, id }: { publishTime: unknown; id: unknown }): Reading {
  if (!isJsonObject(data) || typeof data["action"] !== "string")
    return ignored("the message is not one of a registry");
  const { action, tag: tagged, digest: named } = data;
  if (action !== "INSERT") return ignored("the action is not INSERT");
  if (tagged === undefined || tagged === null || tagged === "") return ignored("the image has no tag");
  if (typeof tagged !== "string") return malformed("tag is not a text");
  const { image, tag } = splitReference(tagged);
  if (!isTag(tag)) return malformed("tag is not an image with its tag");
  const { digest } = typeof named === "string" ? splitReference(named) : { digest: undefined };
  const trigger = makeTrigger({ image, tag, digest, pushedAtMs: readTime(publishTime) });
  return readingOf([trigger], "", nameDelivery([id]));
}
