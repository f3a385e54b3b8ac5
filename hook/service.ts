import { type ImageName, isSameImage, parseImageName } from "./image-name.ts";
import type { SecretHash } from "./secret-hash.ts";
import type { Target } from "./target/target.ts";
import type { Trigger } from "./trigger.ts";

/** One thing that is kept deployed: an image, who may say so, which tags, and where to. */
export interface Service {
  name: string;
  image: ImageName;
  secret: SecretHash;
  tags: RegExp;
  target: Target;
}

/** `latest` says nothing about what is in it, so it is not a release unless the operator's pattern takes it. */
export const defaultTags = /^(?!latest$)/;

/** Why a service does not want a trigger, or `undefined` when it does. */
export function findObjection(service: Service, trigger: Trigger): string | undefined {
  const parsed = parseImageName(trigger.image);
  if ("problem" in parsed || !isSameImage(parsed.name, service.image)) {
    return `the repository is not this service's (${service.image.text})`;
  }
  if (!service.tags.test(trigger.tag)) {
    return service.tags === defaultTags
      ? "the tag is `latest`, which is not deployed unless `tags` says so"
      : `the tag does not match ${service.tags.source}`;
  }
  return undefined;
}
