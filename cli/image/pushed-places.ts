import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { replaceKeptFile } from "../../oci/kept-file.ts";
import { objectOf } from "../../oci/manifest.ts";
import type { ImageName } from "../../oci/reference.ts";

/** Which repository of a registry a blob was pushed to last: it can be mounted from there. It can be deleted at any time. */
export interface PushedPlaces {
  placesOf(digest: string): readonly string[];
  keep(digests: readonly string[]): Promise<void>;
}

/** Of one registry; the oldest are forgotten. */
const maximumDigests = 2000;

export async function openPushedPlaces(
  cache: string,
  { registry, repository }: ImageName,
  first: readonly string[],
): Promise<PushedPlaces> {
  const file = join(cache, "pushed", `${registry.replace(/[^a-z0-9.-]/gi, "_")}.json`);
  const known = await read(file);
  return {
    placesOf(digest) {
      const place = known.get(digest);
      return place === undefined ? first : [...first, place];
    },
    async keep(digests) {
      for (const digest of digests) {
        known.delete(digest);
        known.set(digest, repository);
      }
      const entries = [...known].slice(-maximumDigests);
      // It only saves time: a home that cannot be written to must not keep an image from being pushed.
      await replaceKeptFile(file, JSON.stringify(Object.fromEntries(entries))).catch(() => {});
    },
  };
}

async function read(file: string): Promise<Map<string, string>> {
  try {
    const entries = Object.entries(objectOf(JSON.parse(await readFile(file, "utf8"))));
    return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  } catch {
    return new Map();
  }
}
