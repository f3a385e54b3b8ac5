/** What a webhook asks for, whoever sent it: run this tag of this image. */
export interface Trigger {
  /**
   * The image repository as the sender names it; compared with the configured ones, never used to build anything.
   * `undefined` when the sender speaks of no image, as a pipeline does: then it is the service's own.
   */
  image?: string;
  tag: string;
  /** `sha256:` and 64 hexadecimal digits. */
  digest?: string;
  /** When the sender says the image was pushed, in milliseconds since 1970. */
  pushedAtMs?: number;
  /** Who pushed, for display only. */
  pusher?: string;
}

/** The tag grammar of the OCI distribution specification. */
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

export function isTag(value: unknown): value is string {
  return typeof value === "string" && tagPattern.test(value);
}

/**
 * Signatures, attestations and lists of contents are pushed beside an image under tags made of its digest: cosign's
 * `sha256-<hex>.sig`, and the "referrers tag schema" of the OCI distribution specification. None is a release.
 */
export function isAttachmentTag(tag: string): boolean {
  return /^sha256-[0-9a-f]{64}(?:\.[a-z]+)?$/.test(tag);
}

/** What a source found in a body, before anyone looked at what it is. */
export interface RawTrigger {
  image?: string | undefined;
  tag: string;
  digest?: unknown;
  pushedAtMs?: number | undefined;
  pusher?: unknown;
}

/** A trigger with what is sound of the given: a digest or a pusher of another form is left out, not an error. */
export function makeTrigger({ image, tag, digest, pushedAtMs, pusher }: RawTrigger): Trigger {
  const isTime = pushedAtMs !== undefined && Number.isSafeInteger(pushedAtMs) && pushedAtMs > 0;
  const shownPusher = cleanPusher(pusher);
  return {
    ...(image !== undefined && { image }),
    tag,
    ...(isDigest(digest) && { digest }),
    ...(isTime && { pushedAtMs }),
    ...(shownPusher !== "" && { pusher: shownPusher }),
  };
}

export function isDigest(value: unknown): value is string {
  return typeof value === "string" && /^sha256:[0-9a-f]{64}$/.test(value);
}

/** RFC 3339 times, as most senders have them. */
export function readTime(value: unknown): number | undefined {
  const timeMs = typeof value === "string" && value.length <= 40 ? Date.parse(value) : Number.NaN;
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** Fit for a terminal and a log line: no control characters, no marks that turn the direction of text. */
function cleanPusher(value: unknown): string {
  if (typeof value !== "string") return "";
  const printable = value.slice(0, 400).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "");
  return Array.from(printable.trim()).slice(0, 100).join("");
}
