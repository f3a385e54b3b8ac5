import { isJsonObject, type JsonObject } from "../json.ts";
import { isTag, makeTrigger, type Trigger } from "../trigger.ts";
import { isCloudEvent, readCloudEvent } from "./cloud-event.ts";
import { ignored, malformed, type Reading, type Source, type WebhookRequest } from "./source.ts";
import { nameDelivery, readingOf, splitReference } from "./triggers.ts";

/**
 * Harbor 2 in its default form, and, when the config fixes this source, as CloudEvents too. It signs nothing; the
 * webhook's "Auth Header" comes as Authorization.
 */
export const harbor: Source = {
  name: "harbor",
  recognises: ({ body }) => hasEventData(body),
  read: (request) => (isCloudEvent(request) ? readAsCloudEvent(request) : readDefault(request)),
};

function hasEventData(body: unknown): boolean {
  return (
    isJsonObject(body) &&
    typeof body["type"] === "string" &&
    "occur_at" in body &&
    "operator" in body &&
    isJsonObject(body["event_data"])
  );
}

function readDefault({ body }: WebhookRequest): Reading {
  if (!isJsonObject(body)) return malformed("the body is not an object");
  if (body["type"] !== "PUSH_ARTIFACT") return ignored("the event is not PUSH_ARTIFACT");
  return readHarborData(body["event_data"], {
    pushedAtMs: readSeconds(body["occur_at"]),
    pusher: body["operator"],
  });
}

/** The CloudEvents type of a push; `data` is what `event_data` is in the default form. */
export const harborPushType = "harbor.artifact.pushed";

function readAsCloudEvent(request: WebhookRequest): Reading {
  const event = readCloudEvent(request);
  if ("problem" in event) return malformed(event.problem);
  if (event.type !== harborPushType) return ignored(`the event is not ${harborPushType}`);
  const deliveryId = nameDelivery([event.source, event.id]);
  return readHarborData(event.data, { pushedAtMs: event.timeMs, pusher: event.operator, deliveryId });
}

export interface HarborEvent {
  pushedAtMs: number | undefined;
  pusher: unknown;
  deliveryId?: string | undefined;
}

/** Harbor's own code sends one resource an event; the form has a list. */
export function readHarborData(data: unknown, event: HarborEvent): Reading {
  if (!isJsonObject(data)) return malformed("event_data is not an object");
  const { resources } = data;
  if (!Array.isArray(resources) || !resources.every(isJsonObject))
    return malformed("event_data.resources is not a list of objects");
  const tagged = resources.filter(({ tag }) => !isUntagged(tag));
  if (!tagged.every(({ tag }) => isTag(tag))) return malformed("a resource's tag is not an image tag");
  const triggers = tagged.map((resource) => readResource(resource, event));
  if (!triggers.every((trigger) => trigger !== undefined))
    return malformed("a resource's resource_url is not a text");
  return readingOf(triggers, "the push has no tag", event.deliveryId);
}

/** A manifest without a tag has its digest for one: the platforms of a multi-arch image do. */
function isUntagged(tag: unknown): boolean {
  return tag === undefined || tag === "" || (typeof tag === "string" && tag.startsWith("sha256:"));
}

/** `repo_full_name` lacks the registry's host, which `resource_url` has. */
function readResource(
  { tag, digest, resource_url: url }: JsonObject,
  { pushedAtMs, pusher }: HarborEvent,
): Trigger | undefined {
  if (typeof url !== "string" || typeof tag !== "string") return undefined;
  return makeTrigger({ image: splitReference(url).image, tag, digest, pushedAtMs, pusher });
}

function readSeconds(value: unknown): number | undefined {
  const isPlausible = typeof value === "number" && value > 0 && value < 1e11;
  return isPlausible ? Math.round(value * 1000) : undefined;
}
