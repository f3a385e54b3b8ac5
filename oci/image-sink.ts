import type { Readable } from "node:stream";
import type { Descriptor } from "./manifest.ts";

/** Where images go to: a registry, a folder, a file. Throws ImageError, or a connection's error with its `code`. */
export interface ImageSink {
  /** For people: `the registry at https://…`. */
  name: string;
  hasBlob(descriptor: Descriptor, signal: AbortSignal): Promise<boolean>;
  writeBlob(descriptor: Descriptor, open: OpenBlob, signal: AbortSignal): Promise<void>;
  writeManifest(manifest: ManifestToWrite, signal: AbortSignal): Promise<void>;
  /** Once everything is there. */
  finish(top: ManifestToWrite, signal: AbortSignal): Promise<void>;
}

/** Called again for each try, from this byte on. */
export type OpenBlob = (startBytes: number) => Promise<Readable>;

export interface ManifestToWrite {
  descriptor: Descriptor;
  bytes: Buffer;
}
