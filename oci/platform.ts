import process from "node:process";
import type { IndexEntry, Platform } from "./manifest.ts";
import { imageTypes, indexTypes } from "./media-type.ts";

/** Node's names of architectures, where Go's are others. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };

export function thisArchitecture(): string {
  return architectures[process.arch] ?? process.arch;
}

/**
 * The manifest of an index to take: this machine's, else linux/amd64's, else the first for Linux, else the first. Only
 * files to be served are wanted, which are the same for every platform; so another one is better than none.
 */
export function choosePlatform(
  entries: readonly IndexEntry[],
  architecture = thisArchitecture(),
): IndexEntry | undefined {
  const images = entries.filter(isImage);
  const find = (wanted: string) =>
    images.find(({ platform }) => platform?.os === "linux" && platform.architecture === wanted);
  return (
    find(architecture) ??
    find("amd64") ??
    images.find(({ platform }) => platform?.os === "linux") ??
    images[0]
  );
}

/** What BuildKit attests of an image lies beside it, for the platform unknown/unknown. */
export function isImage({ mediaType, platform, annotations }: IndexEntry): boolean {
  const isAttestation =
    platform?.os === "unknown" || annotations["vnd.docker.reference.type"] === "attestation-manifest";
  return (imageTypes.has(mediaType) || indexTypes.has(mediaType)) && !isAttestation;
}

export function describePlatform(platform: Platform | undefined): string {
  if (platform === undefined) return "no platform";
  return [platform.os, platform.architecture, platform.variant].filter((part) => part !== "").join("/");
}
