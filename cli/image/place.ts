import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ImageError } from "../../oci/image-error.ts";
import type { ImageSource, Reference } from "../../oci/image-source.ts";
import { openLayout } from "../../oci/layout-source.ts";
import {
  fullName,
  type ImageName,
  type ImageReference,
  namesRegistry,
  parseImageReference,
} from "../../oci/reference.ts";
import { openRegistry } from "../../oci/registry-source.ts";
import { openSavedImage } from "../../oci/saved-source.ts";
import { UsageError } from "../command.ts";
import type { AccessTo } from "./registry-access.ts";

/** What an argument is: an image in a folder or a file, one in a registry, or a site that is none yet. */
export type Place =
  | { kind: "layout"; folder: string; tag: string | undefined }
  | { kind: "saved"; file: string; tag: string | undefined }
  | { kind: "site"; folder: string }
  | { kind: "registry"; reference: ImageReference };

/** A path that is there goes before a name; `site.tar:v1` and `folder:v1` choose a tag of several. */
export async function findPlace(argument: string): Promise<Place> {
  const whole = await findPath(argument, undefined);
  if (whole !== undefined) return whole;
  const colon = argument.lastIndexOf(":");
  const withTag = colon > 0 ? await findPath(argument.slice(0, colon), argument.slice(colon + 1)) : undefined;
  if (withTag !== undefined && withTag.kind !== "site") return withTag;
  const [path = ""] = argument.split(/(?<=\.tar):/);
  if (/^[./]/.test(argument) || path.endsWith(".tar")) {
    throw new UsageError(`'${path}' is not there: neither a folder nor a file`);
  }
  const reference = readReference(argument);
  if (isBare(argument, reference)) {
    throw new UsageError(
      `there is no folder and no file '${argument}' here; an image on Docker Hub is written ${argument}:latest, or with its tag`,
    );
  }
  return { kind: "registry", reference };
}

/** A word that may be any name: whoever means an image says its tag, its digest or its registry. */
function isBare(argument: string, { name, digest }: ImageReference): boolean {
  return digest === undefined && name.text === argument && !namesRegistry(name);
}

async function findPath(path: string, tag: string | undefined): Promise<Place | undefined> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) return undefined;
  if (!stats.isDirectory()) return { kind: "saved", file: path, tag };
  const isLayout = (await readdir(path)).includes("oci-layout");
  return isLayout ? { kind: "layout", folder: path, tag } : { kind: "site", folder: path };
}

export function readReference(argument: string): ImageReference {
  const parsed = parseImageReference(argument);
  if ("problem" in parsed) throw new UsageError(`'${argument}' ${parsed.problem}`);
  return parsed.reference;
}

export interface OpenPlace {
  source: ImageSource;
  reference: Reference;
}

/** `staging` is a folder in which a saved image is unpacked. */
export async function openPlace(
  place: Exclude<Place, { kind: "site" }>,
  accessTo: AccessTo,
  staging: string,
  signal: AbortSignal,
): Promise<OpenPlace> {
  if (place.kind === "layout") {
    const source = openLayout(place.folder);
    return { source, reference: { tag: await chosenTag(source, place.tag, signal) } };
  }
  if (place.kind === "saved") {
    const options = { staging: join(staging, "saved"), maximumBytes: Number.POSITIVE_INFINITY, signal };
    const source = await openSavedImage(place.file, options);
    return { source, reference: { tag: await chosenTag(source, place.tag, signal) } };
  }
  const { name, tag, digest } = place.reference;
  const access = await accessTo(name, signal);
  const reference = digest !== undefined ? { digest } : { tag: tag ?? "latest" };
  const source = openRegistry(name, access);
  return { source: namesRegistry(name) ? source : sayWhatItIs(source, name), reference };
}

/** A path that is mistyped is a name on Docker Hub: whatever goes wrong there says that it was asked. */
export function sayWhatItIs(source: ImageSource, name: ImageName): ImageSource {
  return {
    ...source,
    async readManifest(reference, signal) {
      try {
        return await source.readManifest(reference, signal);
      } catch (error) {
        if (error instanceof Error && !signal.aborted) {
          error.message += ` ('${name.text}' was taken for the image ${fullName(name)}: there is no such folder or file here)`;
        }
        throw error;
      }
    },
  };
}

async function chosenTag(
  { listTags, name }: ImageSource,
  tag: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const tags = (await listTags?.(signal)) ?? [];
  // A source gives an image without any name to whoever asks for one; whoever types a tag means that and no other.
  if (tag !== undefined && tags.length === 0) {
    throw new ImageError(`${name} has an image without a name: leave :${tag} out`);
  }
  if (tag !== undefined) return tag;
  const [only = "latest", ...others] = [...new Set(tags)];
  if (others.length === 0) return only;
  throw new ImageError(`${name} has several images: put : and one of ${tags.join(", ")} behind its path`);
}
