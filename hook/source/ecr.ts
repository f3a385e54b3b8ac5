import { isJsonObject, type JsonObject } from "../json.ts";
import { isTag, makeTrigger, readTime } from "../trigger.ts";
import { ignored, malformed, type Reading, type Source, type WebhookRequest } from "./source.ts";
import { nameDelivery, readingOf } from "./triggers.ts";

/**
 * Amazon ECR, through an EventBridge rule whose target is an API destination. EventBridge signs nothing; the
 * destination's connection can bring an Authorization header.
 */
export const ecr: Source = {
  name: "ecr",
  // Of every EventBridge event, so that one of another service is named as what it is.
  recognises: ({ body }) =>
    isJsonObject(body) && typeof body["detail-type"] === "string" && isJsonObject(body["detail"]),
  read,
};

function read({ body }: WebhookRequest): Reading {
  if (!isJsonObject(body) || !isJsonObject(body["detail"])) return malformed("detail is not an object");
  const { detail } = body;
  if (body["source"] !== "aws.ecr" || body["detail-type"] !== "ECR Image Action")
    return ignored("the event is not an image action of ECR");
  if (detail["action-type"] !== "PUSH") return ignored("the event is not a push");
  if (detail["result"] !== "SUCCESS") return ignored("the push did not succeed");
  const { "image-tag": tag, "image-digest": digest } = detail;
  if (tag === undefined || tag === null || tag === "") return ignored("the push has no tag");
  if (!isTag(tag)) return malformed("detail.image-tag is not an image tag");
  const image = imageName(body, detail);
  if (image === undefined) return malformed("account, region and repository-name do not name an image");
  const pushedAtMs = readTime(body["time"]);
  return readingOf([makeTrigger({ image, tag, digest, pushedAtMs })], "", nameDelivery([body["id"]]));
}

/** The event does not name the registry: it is made of the account and the region. */
function imageName({ account, region }: JsonObject, detail: JsonObject): string | undefined {
  const name = detail["repository-name"];
  if (typeof account !== "string" || !/^\d{12}$/.test(account)) return undefined;
  if (typeof region !== "string" || !/^[a-z]{2,4}(?:-[a-z0-9]+)+$/.test(region)) return undefined;
  if (typeof name !== "string" || name === "") return undefined;
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return `${account}.dkr.ecr.${region}.${domain}/${name}`;
}
