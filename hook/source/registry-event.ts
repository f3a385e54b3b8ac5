import { isJsonObject, type JsonObject } from "../json.ts";
import { isTag, makeTrigger, readTime, type Trigger } from "../trigger.ts";

/** What a registry that is built on the CNCF's distribution says of one event: a trigger, or why it is none. */
export type RegistryEvent = { trigger: Trigger } | { reason: string };

/** Images and indexes of them; layers, configurations and charts have other types. */
const manifestTypes = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
]);

/**
 * Nothing here is an error: a registry keeps what it was not thanked for, sends it again, and holds back all that
 * comes after it (distribution's "Responses" section of the notifications page).
 */
export function readRegistryEvent(event: unknown): RegistryEvent {
  if (!isJsonObject(event)) return { reason: "the event is not an object" };
  const { action, target, timestamp, actor } = event;
  if (action !== "push") return { reason: "the event is not a push" };
  if (!isJsonObject(target)) return { reason: "the push has no target" };
  const { mediaType, tag, digest } = target;
  if (typeof mediaType !== "string" || !manifestTypes.has(mediaType))
    return { reason: "what was pushed is not an image" };
  // The manifests of an index are pushed before it, without a tag.
  if (tag === undefined || tag === null || tag === "") return { reason: "the push has no tag" };
  if (!isTag(tag)) return { reason: "the push has a tag that is not an image tag" };
  const image = imageName(target, event);
  if (image === undefined) return { reason: "the push names no registry and repository" };
  const pusher = isJsonObject(actor) ? actor["name"] : undefined;
  return { trigger: makeTrigger({ image, tag, digest, pushedAtMs: readTime(timestamp), pusher }) };
}

/** By the host that the pushing client asked for; `url` is made from the registry's own idea of its host. */
function imageName({ repository, url }: JsonObject, { request }: JsonObject): string | undefined {
  if (typeof repository !== "string" || repository === "") return undefined;
  const asked = isJsonObject(request) ? request["host"] : undefined;
  const host = typeof asked === "string" && asked !== "" ? asked : hostOf(url);
  return host === undefined ? undefined : `${host}/${repository}`;
}

function hostOf(url: unknown): string | undefined {
  return (typeof url === "string" && URL.parse(url)?.host) || undefined;
}
