import { isJsonObject } from "../json.ts";
import { isDigest, isTag, makeTrigger } from "../trigger.ts";
import { headerOf, ignored, malformed, type Reading, type Source, type WebhookRequest } from "./source.ts";

/** What a `curl` in any pipeline sends: `{ "tag", "image"?, "digest"?, "pusher"? }`, or `?tag=` without a body. */
export const plain: Source = {
  name: "plain",
  recognises: ({ body, query }) =>
    isJsonObject(body) && ("tag" in body || (Object.keys(body).length === 0 && "tag" in query)),
  read: (request) => {
    const reading = readPlain(request);
    const deliveryId = headerOf(request, "idempotency-key");
    return reading.kind === "triggers" && deliveryId !== undefined ? { ...reading, deliveryId } : reading;
  },
};

export function readPlain({ body, query }: WebhookRequest): Reading {
  if (!isJsonObject(body)) return malformed("the body is not an object");
  const fields = { ...query, ...body };
  const { tag, image, digest, pusher } = fields;
  for (const name of ["tag", "image", "digest"]) {
    if (name in query && name in body && query[name] !== body[name])
      return malformed(`\`${name}\` is one thing in the query and another in the body`);
  }
  if (tag === undefined || tag === null || tag === "") return ignored("it has no tag");
  if (!isTag(tag)) return malformed("`tag` is not an image tag");
  if (image !== undefined && typeof image !== "string") return malformed("`image` is not a text");
  if (digest !== undefined && !isDigest(digest)) return malformed("`digest` is not sha256: and 64 digits");
  return { kind: "triggers", triggers: [makeTrigger({ image, tag, digest, pusher })] };
}
