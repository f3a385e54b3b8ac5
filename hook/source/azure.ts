import { isJsonObject } from "../json.ts";
import { readRegistryEvent } from "./registry-event.ts";
import {
  answeredPing,
  ignored,
  malformed,
  type Reading,
  type Source,
  type WebhookRequest,
} from "./source.ts";
import { nameDelivery, readingOf } from "./triggers.ts";

/** Azure Container Registry: one event of distribution's form, without the list around it. */
export const azure: Source = {
  name: "azure",
  recognises: ({ body }) =>
    isJsonObject(body) &&
    typeof body["action"] === "string" &&
    "id" in body &&
    "timestamp" in body &&
    (isJsonObject(body["target"]) || body["action"] === "ping"),
  read,
};

function read({ body }: WebhookRequest): Reading {
  if (!isJsonObject(body)) return malformed("the body is not an object");
  if (typeof body["action"] !== "string") return malformed("action is not a text");
  if (body["action"] === "ping") return answeredPing();
  const found = readRegistryEvent(body);
  if ("reason" in found) return ignored(found.reason);
  return readingOf([found.trigger], "", nameDelivery([body["id"]]));
}
