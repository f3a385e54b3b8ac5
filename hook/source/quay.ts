import { isJsonObject } from "../json.ts";
import { isTag, makeTrigger } from "../trigger.ts";
import { ignored, malformed, type Reading, type Source, type WebhookRequest } from "./source.ts";
import { readingOf } from "./triggers.ts";

/** Quay and quay.io: no signature, no delivery id, no time. Three failures in a row, and it sends no more. */
export const quay: Source = {
  name: "quay",
  // Every event about a repository has these (build_repository_event_data of its source).
  recognises: ({ body }) =>
    isJsonObject(body) && ["repository", "namespace", "docker_url", "homepage"].every((name) => name in body),
  read,
};

function read({ body }: WebhookRequest): Reading {
  if (!isJsonObject(body)) return malformed("the body is not an object");
  const { updated_tags: tags, docker_url: image } = body;
  if (tags === undefined) return ignored("the event is not a push to a repository");
  if (!Array.isArray(tags)) return malformed("updated_tags is not a list");
  if (typeof image !== "string" || image === "") return malformed("docker_url is not a text");
  if (!tags.every(isTag)) return malformed("one of updated_tags is not an image tag");
  return readingOf(
    tags.map((tag) => makeTrigger({ image, tag })),
    "the push has no tag",
  );
}
