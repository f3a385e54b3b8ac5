import { ImageError } from "../image-error.ts";
import type { ImageSink, ManifestToWrite, OpenBlob } from "../image-sink.ts";
import type { Descriptor } from "../manifest.ts";
import type { Progress } from "../progress.ts";
import type { RegistrySession } from "../session.ts";
import { uploadBlob } from "./upload.ts";

export interface RegistrySinkOptions {
  session: RegistrySession;
  /** None for a push by digest. */
  tags: readonly string[];
  /** Repositories of the same registry that may have a blob already. */
  placesOf: (digest: string) => readonly string[];
  progress: Progress;
  /** Of an upload's part; a connection that breaks costs no more than one of them. */
  chunkBytes?: number;
  blobsAtOnce?: number;
}

export const defaultChunkBytes = 32 * 1024 * 1024;
const defaultBlobsAtOnce = 4;

/** Images go into one repository of a registry, and only what is not there yet. */
export function openRegistrySink(options: RegistrySinkOptions): ImageSink {
  const { session, tags, chunkBytes = defaultChunkBytes, progress, placesOf } = options;
  const known = new Set<string>();
  const underWay = new Map<string, Promise<void>>();
  const turn = limitTo(options.blobsAtOnce ?? defaultBlobsAtOnce);

  async function hasBlob({ digest }: Descriptor, signal: AbortSignal): Promise<boolean> {
    if (known.has(digest)) return true;
    const answer = await session.ask({ method: "HEAD", path: `blobs/${digest}`, signal });
    if (answer.status === 200) known.add(digest);
    // Who may push and not read is not kept from pushing.
    return answer.status === 200;
  }

  /** Two platforms of an index may share a layer, which travels once. */
  function writeBlob(descriptor: Descriptor, open: OpenBlob, signal: AbortSignal): Promise<void> {
    const { digest } = descriptor;
    const writing = underWay.get(digest) ?? turn(() => write(descriptor, open, signal));
    underWay.set(digest, writing);
    return writing;
  }

  async function write(descriptor: Descriptor, open: OpenBlob, signal: AbortSignal): Promise<void> {
    if (known.has(descriptor.digest)) return;
    const step = progress.begin(describe(descriptor), descriptor.sizeBytes);
    if (await hasBlob(descriptor, signal)) return step.end("already there");
    const places = placesOf(descriptor.digest).filter((place) => place !== session.image.repository);
    const upload = { session, descriptor, open, places, chunkBytes, step, signal };
    const outcome = await uploadBlob(upload);
    known.add(descriptor.digest);
    step.end(outcome);
  }

  async function put(
    { descriptor, bytes }: ManifestToWrite,
    reference: string,
    signal: AbortSignal,
  ): Promise<void> {
    const answer = await session.ask({
      method: "PUT",
      path: `manifests/${reference}`,
      headers: { "content-type": descriptor.mediaType, "content-length": String(bytes.length) },
      body: async () => bytes,
      signal,
    });
    if (answer.status !== 201) throw session.refuse(answer, `a push of ${session.image.text}:${reference}`);
    const said = answer.headers["docker-content-digest"];
    if (said !== undefined && said !== descriptor.digest) {
      throw new ImageError(`${session.name} took ${descriptor.digest} for ${said}`);
    }
  }

  return {
    name: session.name,
    hasBlob,
    writeBlob,
    writeManifest: (manifest, signal) => put(manifest, manifest.descriptor.digest, signal),
    async finish(top, signal) {
      if (tags.length === 0) await put(top, top.descriptor.digest, signal);
      for (const tag of tags) await put(top, tag, signal);
    },
  };
}

function describe({ digest, mediaType }: Descriptor): string {
  const kind = mediaType.includes("config") || mediaType.includes("container.image") ? "config" : "layer";
  return `${kind} ${digest.slice(7, 19)}`;
}

/** Lets so many of them work at once; the others wait for their turn. */
export function limitTo(atOnce: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= atOnce) await new Promise<void>((start) => waiting.push(start));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // The turn goes from one to the next.
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
