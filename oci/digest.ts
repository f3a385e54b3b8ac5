import { createHash, type Hash } from "node:crypto";

/** The two algorithms that the image specification registers; nothing else is ever compared. */
const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

export function isDigest(text: unknown): text is string {
  return typeof text === "string" && digestPattern.test(text);
}

export function hashFor(digest: string): Hash {
  return createHash(digest.slice(0, digest.indexOf(":")));
}

export function digestOf(bytes: Uint8Array, like = "sha256:"): string {
  return finishDigest(hashFor(like).update(bytes), like);
}

export function finishDigest(hash: Hash, like: string): string {
  return `${like.slice(0, like.indexOf(":"))}:${hash.digest("hex")}`;
}

/** Of a digest, what a person compares. */
export function shortDigest(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1).slice(0, 12);
}
