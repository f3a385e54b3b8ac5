import { createHash } from "node:crypto";
import type { Trigger } from "../trigger.ts";
import { ignored, malformed, type Reading } from "./source.ts";

/** No sender puts that many images into one delivery; each would be a deployment. */
const maximumTriggers = 100;

/** A delivery that may bring several images; `none` says why it asks for nothing when it brings no image. */
export function readingOf(triggers: readonly Trigger[], none: string, deliveryId?: string): Reading {
  const [first, ...others] = withoutRepeats(triggers);
  if (first === undefined) return ignored(none);
  if (others.length >= maximumTriggers) return malformed(`it brings more than ${maximumTriggers} images`);
  return {
    kind: "triggers",
    triggers: [first, ...others],
    ...(deliveryId !== undefined && { deliveryId }),
  };
}

function withoutRepeats(triggers: readonly Trigger[]): Trigger[] {
  const identify = ({ image, tag, digest }: Trigger) => JSON.stringify([image, tag, digest]);
  return [...new Map(triggers.map((trigger) => [identify(trigger), trigger])).values()];
}

/**
 * One name for a delivery that its sender names by several texts, such as the ids of its events. `undefined` when one
 * of them is missing: the rest alone could be another delivery's.
 */
export function nameDelivery(parts: readonly unknown[]): string | undefined {
  if (parts.length === 0 || !parts.every((part) => typeof part === "string" && part !== "")) return undefined;
  const name = parts.join(",");
  if (parts.length === 1 || /^[\x21-\x7e]{1,200}$/.test(name)) return name;
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** `host/name:tag`, `host/name@digest` or `host/name` as its parts. A port's colon is before the last slash. */
export function splitReference(reference: string): { image: string; tag?: string; digest?: string } {
  const [name = "", digest] = reference.split("@", 2);
  const colon = name.indexOf(":", name.lastIndexOf("/") + 1);
  return {
    image: colon < 0 ? name : name.slice(0, colon),
    ...(colon >= 0 && { tag: name.slice(colon + 1) }),
    ...(digest !== undefined && { digest }),
  };
}
