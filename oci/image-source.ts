import type { Readable } from "node:stream";
import type { Descriptor } from "./manifest.ts";

/** What an image is asked for by: its tag, or the digest of its manifest or index. */
export type Reference = { tag: string } | { digest: string };

export interface ManifestBytes {
  bytes: Buffer;
  /** What the bearer says that it is; `undefined` where it says nothing. */
  mediaType: string | undefined;
}

/**
 * Where images come from. What it gives is not believed: who asks checks digests and sizes. Throws ImageError, or a
 * connection's error with its `code`.
 */
export interface ImageSource {
  /** For people: `the registry at https://…`. */
  name: string;
  readManifest(reference: Reference, signal: AbortSignal): Promise<ManifestBytes>;
  /** From a byte on; from the first where that is left out. */
  openBlob(descriptor: Descriptor, signal: AbortSignal, startBytes?: number): Promise<Readable>;
  /** Of folders and files, which have few. */
  listTags?(signal: AbortSignal): Promise<string[]>;
}

export function describeReference(reference: Reference): string {
  return "digest" in reference ? reference.digest : reference.tag;
}
