import { isJsonObject, type JsonObject } from "../json.ts";
import { isTag, makeTrigger, readTime } from "../trigger.ts";
import { readPayload } from "./body.ts";
import type { WebhookSetting } from "./setting.ts";
import { hashOf, isHexHmac } from "./signature.ts";
import {
  headerOf,
  ignored,
  malformed,
  type Reading,
  type ReceivedWebhook,
  type Source,
  type WebhookRequest,
} from "./source.ts";

/** Gitea and Forgejo, whose package registry sends one delivery a manifest and one a tag. */
export const gitea: Source = {
  name: "gitea",
  recognises: ({ headers }) =>
    headers["x-gitea-event"] !== undefined || headers["x-forgejo-event"] !== undefined,
  verify,
  read,
};

/** Both sign the JSON, which is not the body when that is a form. Without a secret they send an empty signature. */
function verify(received: ReceivedWebhook, { signing }: WebhookSetting): string | undefined {
  const signature =
    headerOf(received, "x-forgejo-signature") ?? headerOf(received, "x-gitea-signature") ?? "";
  if (signature === "") return "its signature is empty: has the webhook a secret at Gitea?";
  const payload = readPayload(received.raw, headerOf(received, "content-type") ?? "");
  return isHexHmac(signature, payload, signing) ? undefined : "X-Gitea-Signature is not of its body";
}

function read(request: WebhookRequest): Reading {
  const event = headerOf(request, "x-forgejo-event") ?? headerOf(request, "x-gitea-event");
  if (event !== "package") return ignored("the event is not `package`");
  const { body } = request;
  const found = isJsonObject(body) ? body["package"] : undefined;
  if (!isJsonObject(body) || !isJsonObject(found)) return malformed("it has no object `package`");
  if (body["action"] !== "created") return ignored("the action is not `created`");
  if (found["type"] !== "container") return ignored("the package is not a container image");
  const reading = readPackage(found, body);
  // The headers are not signed, the body is: who sends it again under another delivery id says nothing new.
  return reading.kind === "triggers" ? { ...reading, deliveryId: hashOf(request.raw) } : reading;
}

function readPackage(found: JsonObject, { sender }: JsonObject): Reading {
  const { version: tag, created_at: createdAt } = found;
  if (typeof tag === "string" && tag.startsWith("sha256:")) return ignored("the manifest has no tag");
  if (!isTag(tag)) return malformed("package.version is not an image tag");
  const image = imageName(found);
  if (image === undefined) return malformed("package.html_url, owner.login and name do not name an image");
  const pusher = isJsonObject(sender) ? sender["login"] : undefined;
  return {
    kind: "triggers",
    triggers: [makeTrigger({ image, tag, pushedAtMs: readTime(createdAt), pusher })],
  };
}

/** The registry is on the server's own host, whatever path the server's pages have. */
function imageName({ html_url: page, owner, name }: JsonObject): string | undefined {
  const host = typeof page === "string" ? URL.parse(page)?.host : undefined;
  const login = isJsonObject(owner) ? (owner["login"] ?? owner["username"]) : undefined;
  if (!host || typeof login !== "string" || typeof name !== "string") return undefined;
  return `${host}/${login}/${name}`.toLowerCase();
}
