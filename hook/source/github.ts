import { isJsonObject, type JsonObject, textOf } from "../json.ts";
import { isTag, makeTrigger, readTime } from "../trigger.ts";
import type { WebhookSetting } from "./setting.ts";
import { hashOf, isHexHmac } from "./signature.ts";
import {
  answeredPing,
  headerOf,
  ignored,
  malformed,
  type Reading,
  type ReceivedWebhook,
  type Source,
  type WebhookRequest,
} from "./source.ts";

/**
 * GitHub's packages (ghcr.io): one delivery a manifest, so a multi-arch push brings several, of which one has the tag.
 * Nothing in a signed delivery says when it was made; a repeated one is known by its delivery id.
 */
export const github: Source = {
  name: "github",
  // Gitea, Forgejo and Gogs send GitHub's headers beside their own.
  recognises: ({ headers }) =>
    headers["x-github-event"] !== undefined &&
    headers["x-gitea-event"] === undefined &&
    headers["x-forgejo-event"] === undefined &&
    headers["x-gogs-event"] === undefined,
  verify,
  read,
};

/** Over the bytes of the body, also when the body is a form. */
function verify(received: ReceivedWebhook, { signing }: WebhookSetting): string | undefined {
  const header = headerOf(received, "x-hub-signature-256");
  if (header === undefined)
    return "it has no X-Hub-Signature-256 header: has the webhook a secret at GitHub?";
  const signature = /^sha256=(.*)$/.exec(header)?.[1] ?? "";
  return isHexHmac(signature, received.raw, signing) ? undefined : "X-Hub-Signature-256 is not of its body";
}

const events = new Set(["package", "registry_package"]);
const actions = new Set(["published", "updated"]);

function read(request: WebhookRequest): Reading {
  const event = headerOf(request, "x-github-event") ?? "";
  if (event === "ping") return answeredPing();
  if (!events.has(event)) return ignored("the event is not `package` or `registry_package`");
  const { body } = request;
  const root = isJsonObject(body) ? (body["registry_package"] ?? body["package"]) : undefined;
  if (!isJsonObject(body) || !isJsonObject(root)) return malformed("it has no object `package`");
  if (!actions.has(textOf(body["action"]))) return ignored("the action is not `published` or `updated`");
  if (!isContainer(root)) return ignored("the package is not a container image");
  const reading = readPackage(root, body);
  // The headers are not signed, the body is: who sends it again under another delivery id says nothing new.
  return reading.kind === "triggers" ? { ...reading, deliveryId: hashOf(request.raw) } : reading;
}

/** `package_type` is `CONTAINER`, `container` or `docker`; one of GitHub's own examples has it only in `ecosystem`. */
function isContainer({ package_type: type, ecosystem }: JsonObject): boolean {
  return [type, ecosystem].some((value) => /^(?:container|docker)$/i.test(textOf(value)));
}

function readPackage(root: JsonObject, { sender }: JsonObject): Reading {
  const version = root["package_version"];
  if (!isJsonObject(version)) return malformed("package_version is not an object");
  const tag = readTag(version);
  if (tag === undefined) return ignored("the manifest has no tag");
  if (!isTag(tag["name"])) return malformed("container_metadata.tag.name is not an image tag");
  const image = imageName(root, version);
  if (image === undefined) return malformed("package_url is not a string");
  // GitHub's examples have the year 1 there, which is dropped; the package's own time may be of an earlier push.
  const pushedAtMs = readTime(version["updated_at"]);
  const pusher = isJsonObject(sender) ? sender["login"] : undefined;
  const trigger = makeTrigger({ image, tag: tag["name"], digest: tag["digest"], pushedAtMs, pusher });
  return { kind: "triggers", triggers: [trigger] };
}

/** A manifest without a tag has one with an empty name, or none. */
function readTag({ container_metadata: metadata }: JsonObject): JsonObject | undefined {
  const tag = isJsonObject(metadata) ? metadata["tag"] : undefined;
  return isJsonObject(tag) && tag["name"] !== "" && tag["name"] !== undefined ? tag : undefined;
}

/** `package_url` is the image with its tag, where the tag may be empty; names of images have small letters. */
function imageName({ namespace, name }: JsonObject, { package_url: url }: JsonObject): string | undefined {
  if (typeof url === "string" && url.includes("/")) return url.replace(/[:@][^/]*$/, "").toLowerCase();
  if (typeof namespace !== "string" || typeof name !== "string") return undefined;
  return `ghcr.io/${namespace}/${name}`.toLowerCase();
}
