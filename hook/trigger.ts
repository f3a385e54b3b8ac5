/** What a webhook asks for, whoever sent it: run this tag of this image. */
export interface Trigger {
  /** The image repository as the sender names it; compared with the configured one, never used to build anything. */
  image: string;
  tag: string;
  digest?: string;
  /** When the sender says the image was pushed, in milliseconds since 1970. */
  pushedAtMs?: number;
}

/** The tag grammar of the OCI distribution specification. */
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

export function isTag(value: unknown): value is string {
  return typeof value === "string" && tagPattern.test(value);
}
