import { isJsonObject } from "../json.ts";
import { isDigest, isTag, makeTrigger } from "../trigger.ts";
import { verifyAuthorization } from "./authorization.ts";
import { type CloudEvent, isCloudEvent, readCloudEvent } from "./cloud-event.ts";
import { readNotification } from "./google-artifact-registry.ts";
import { harborPushType, readHarborData } from "./harbor.ts";
import { readRegistryEvent } from "./registry-event.ts";
import type { WebhookSetting } from "./setting.ts";
import { isToken } from "./signature.ts";
import type { WebhookRequest } from "./source.ts";
import { ignored, malformed, type Reading, type ReceivedWebhook, type Source } from "./source.ts";
import { nameDelivery, readingOf } from "./triggers.ts";

/** CloudEvents 1.0, structured or binary; a batch of them is answered with 415 before it gets here. */
export const cloudEvents: Source = { name: "cloudevents", recognises: isCloudEvent, verify, read };

/** The webhook specification (section 3) has the target take the token from the query as well. */
function verify(received: ReceivedWebhook, setting: WebhookSetting): string | undefined {
  const { access_token: token } = received.query;
  if (typeof token !== "string") return verifyAuthorization(received, setting);
  return isToken(token, setting.signing) ? undefined : "its access_token is none of `webhook.signing`";
}

type Reader = (event: CloudEvent, deliveryId: string | undefined) => Reading;

/** Events of known senders, which have data of their own form. */
const readers: Readonly<Record<string, Reader>> = {
  [harborPushType]: ({ data, timeMs, operator }, deliveryId) =>
    readHarborData(data, { pushedAtMs: timeMs, pusher: operator, deliveryId }),
  // Azure Container Registry through Event Grid.
  "Microsoft.ContainerRegistry.ImagePushed": ({ data }, deliveryId) => {
    const found = readRegistryEvent(data);
    return "reason" in found ? ignored(found.reason) : readingOf([found.trigger], "", deliveryId);
  },
  // Google Artifact Registry through Pub/Sub and Eventarc.
  "google.cloud.pubsub.topic.v1.messagePublished": ({ data }) => readNotification(data),
};

function read(request: WebhookRequest): Reading {
  const event = readCloudEvent(request);
  if ("problem" in event) return malformed(event.problem);
  const reader = Object.hasOwn(readers, event.type) ? readers[event.type] : undefined;
  return (reader ?? readPlainData)(event, nameDelivery([event.source, event.id]));
}

/** `{ "tag", "image"?, "digest"? }` under any type: what a pipeline of one's own sends. */
function readPlainData({ data, timeMs: pushedAtMs }: CloudEvent, deliveryId: string | undefined): Reading {
  if (!isJsonObject(data) || data["tag"] === undefined)
    return ignored("its type is none that the hook knows, and its data has no `tag`");
  const { tag, image, digest, pusher } = data;
  if (!isTag(tag)) return malformed("data.tag is not an image tag");
  if (image !== undefined && typeof image !== "string") return malformed("data.image is not a text");
  if (digest !== undefined && !isDigest(digest)) return malformed("data.digest is not sha256: and 64 digits");
  return readingOf([makeTrigger({ image, tag, digest, pushedAtMs, pusher })], "", deliveryId);
}
