import { readFile } from "node:fs/promises";
import { replaceKeptFile } from "../kept-file.ts";
import { type Descriptor, objectOf, parseJsonObject, readDescriptor } from "../manifest.ts";
import type { LayerCompression } from "./compress.ts";
import { toJson } from "./image-parts.ts";

/**
 * What the layers of a folder were when it was built last: from the digest of the plain archive to the compressed
 * layer. With it a layer that its registry has already need not be compressed to find that out. It can be deleted at
 * any time.
 */
export interface LayerMemory {
  find(diffId: string): Descriptor | undefined;
  /** Whether there is anything in it: to look a layer up, its archive has to be read first. */
  isEmpty: boolean;
  keep(layers: readonly { diffId: string; descriptor: Descriptor }[]): Promise<void>;
}

/** Another program may make other bytes of the same archive, which are to be the same as on a machine without memory. */
function compressorOf({ kind, level }: LayerCompression): string {
  const { zlib = "", zstd = "" } = process.versions;
  return [kind, level, kind === "zstd" ? zstd : zlib].join(" ");
}

export async function openLayerMemory(file: string, compression: LayerCompression): Promise<LayerMemory> {
  const compressor = compressorOf(compression);
  const layers = await read(file, compressor);
  return {
    find: (diffId) => layers.get(diffId),
    isEmpty: layers.size === 0,
    async keep(built) {
      const entries = built.map(({ diffId, descriptor }) => [diffId, toJson(descriptor)]);
      const text = JSON.stringify({ compressor, layers: Object.fromEntries(entries) });
      // It only saves time: a home that cannot be written to must not keep an image from being built.
      await replaceKeptFile(file, text).catch(() => {});
    },
  };
}

/** What cannot be read is forgotten. */
async function read(file: string, compressor: string): Promise<ReadonlyMap<string, Descriptor>> {
  try {
    const found = parseJsonObject(await readFile(file), file);
    if (found["compressor"] !== compressor) return new Map();
    const layers = Object.entries(objectOf(found["layers"]));
    return new Map(layers.map(([diffId, layer]) => [diffId, readDescriptor(layer, diffId)]));
  } catch {
    return new Map();
  }
}
