import { type ImageName, isSameImage, parseImageName } from "../oci/reference.ts";
import type { ReleasePolicy } from "./accept/release-policy.ts";
import type { DeploySetting } from "./deploy/setting.ts";
import { describeSlowness, matchInTime } from "./match-in-time.ts";
import type { SecretHash } from "./secret/secret-hash.ts";
import type { WebhookSetting } from "./source/setting.ts";
import type { Target } from "./target/target.ts";
import { isAttachmentTag, type Trigger } from "./trigger.ts";

/** One thing that is kept deployed: an image, who may say so, which tags, and where to. */
export interface Service extends ReleasePolicy, DeploySetting {
  name: string;
  image: ImageName;
  /** Other names by which senders may call the image, such as those of a registry seen from inside. */
  aliases: readonly ImageName[];
  /** Of the webhook URL: one, or two while senders are being changed from one to the other. */
  secrets: readonly SecretHash[];
  webhook: WebhookSetting;
  tags: RegExp;
  target: Target;
  /** The notifiers that are told of it; all of them, when undefined. */
  notify: readonly string[] | undefined;
}

/** `latest` says nothing about what is in it, so it is not a release unless the operator's pattern takes it. */
export const defaultTags = /^(?!latest$)/;

/** Why a service does not want a trigger, or `undefined` when it does. */
export function findObjection(service: Service, trigger: Trigger): string | undefined {
  if (trigger.image !== undefined && !isImageOf(service, trigger.image)) {
    return `the repository is not this service's (${service.image.text})`;
  }
  if (isAttachmentTag(trigger.tag)) {
    return "the tag is of a signature or of something else that belongs to an image";
  }
  return findTagObjection(service.tags, trigger.tag);
}

function findTagObjection(tags: RegExp, tag: string): string | undefined {
  if (tags === defaultTags) {
    return tags.test(tag) ? undefined : "the tag is `latest`, which is not deployed unless `tags` says so";
  }
  const match = matchInTime(tags, tag);
  if (match === "matches") return undefined;
  return match === "too-slow" ? `the tag ${describeSlowness(tags)}` : `the tag does not match ${tags.source}`;
}

function isImageOf({ image, aliases }: Service, given: string): boolean {
  const parsed = parseImageName(given);
  return "name" in parsed && [image, ...aliases].some((known) => isSameImage(parsed.name, known));
}
