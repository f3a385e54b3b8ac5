import { isJsonObject } from "../json.ts";
import { readRegistryEvent } from "./registry-event.ts";
import { headerOf, malformed, type Reading, type Source, type WebhookRequest } from "./source.ts";
import { nameDelivery, readingOf } from "./triggers.ts";

/**
 * The CNCF's distribution: `registry:2`, `registry:3`, Debian's docker-registry, GitLab's own registry. It signs
 * nothing, and may be given headers to send.
 */
export const distribution: Source = {
  name: "distribution",
  recognises: (request) => hasEventsType(request) || hasEvents(request.body),
  read,
};

/** v1 is what 2.8 sends, v2 what 3.0 sends; the events are the same. */
const eventsType = /^application\/vnd\.docker\.distribution\.events\.v[12]\+json\s*(?:;|$)/i;

function hasEventsType(request: WebhookRequest): boolean {
  return eventsType.test(headerOf(request, "content-type") ?? "");
}

function hasEvents(body: unknown): boolean {
  const [event] = isJsonObject(body) && Array.isArray(body["events"]) ? body["events"] : [];
  return isJsonObject(event) && "action" in event && "target" in event;
}

function read({ body }: WebhookRequest): Reading {
  const events: unknown = isJsonObject(body) ? body["events"] : undefined;
  // Left out when empty.
  if (events !== undefined && !Array.isArray(events)) return malformed("events is not a list");
  const found = (events ?? []).map((event: unknown) => ({ event, ...readRegistryEvent(event) }));
  const pushes = found.filter((one) => "trigger" in one);
  const reason = found.find((one) => "reason" in one)?.reason ?? "it has no events";
  const ids = pushes.map(({ event }) => (isJsonObject(event) ? event["id"] : undefined));
  return readingOf(
    pushes.map(({ trigger }) => trigger),
    reason,
    nameDelivery(ids),
  );
}
