import { isJsonObject } from "../json.ts";
import { isDigest, isTag, makeTrigger } from "../trigger.ts";
import { headerOf, malformed, type Reading, type Source, type WebhookRequest } from "./source.ts";

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
  // A pipeline whose variable is empty would otherwise end well, with nothing deployed.
  if (tag === undefined) return malformed("`tag` is missing");
  if (tag === null || tag === "") return malformed("`tag` is empty: is the variable set that it comes from?");
  if (!isTag(tag)) return malformed("`tag` is not an image tag");
  if (image !== undefined && typeof image !== "string") return malformed("`image` is not a text");
  const misplaced = findMisplaced(image);
  if (misplaced !== undefined) return malformed(misplaced);
  if (digest !== undefined && !isDigest(digest)) return malformed("`digest` is not sha256: and 64 digits");
  return { kind: "triggers", triggers: [makeTrigger({ image, tag, digest, pusher })] };
}

/** In Docker's spelling of a release all is one text; here the repository is compared on its own. */
function findMisplaced(image: unknown): string | undefined {
  if (typeof image !== "string") return undefined;
  const last = image.slice(image.lastIndexOf("/") + 1);
  const [, separator, rest = ""] = /^[\w.-]+([:@])(.*)$/s.exec(last) ?? [];
  if (separator === ":" && isTag(rest)) return "what stands behind the colon of `image` belongs into `tag`";
  if (separator === "@" && isDigest(rest)) return "what stands behind the @ of `image` belongs into `digest`";
  return undefined;
}

/** What a webhook would need to be a plain one, for whoever has written its sender. */
export function explainUnknown({ body, query }: WebhookRequest): string {
  if (isJsonObject(body) && "tag" in query)
    return "`tag` is in the query; put it into the body as well, or leave the body out";
  const misplaced = findMisplaced(isJsonObject(body) ? (body["image"] ?? query["image"]) : undefined);
  return `if it is one of your own, \`tag\` is missing${misplaced === undefined ? "" : `; ${misplaced}`}`;
}
