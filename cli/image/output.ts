import { basename, join, relative, resolve } from "node:path";
import type { ImageSink } from "../../oci/image-sink.ts";
import { fullName, type ImageReference } from "../../oci/reference.ts";
import { type ImageEntryName, openLayoutSink } from "../../oci/write/layout-sink.ts";
import { openSavedSink } from "../../oci/write/saved-sink.ts";
import { type Option, type ParsedArguments, UsageError } from "../command.ts";
import { text } from "./registry-access.ts";
import type { Work } from "./work.ts";

export const outputOptions: Record<string, Option> = {
  output: {
    type: "string",
    short: "o",
    value: "PATH",
    summary: "a .tar file, or a folder for an OCI layout",
  },
  format: { type: "string", value: "FORMAT", summary: "layout or tar, where the path does not tell" },
};

export interface Output {
  path: string;
  isArchive: boolean;
}

/** A path that ends in `.tar` is a file, any other a folder. */
export function readOutput(options: ParsedArguments["options"], fallback: string): Output {
  const format = text(options, "format");
  if (format !== undefined && format !== "layout" && format !== "tar") {
    throw new UsageError(`--format is layout or tar, not '${format}'`);
  }
  const given = text(options, "output");
  if (given === "-") {
    throw new UsageError(
      "an image is not written to the standard output, which has its digest: name a file that ends in .tar",
    );
  }
  const path = given ?? (format === "layout" ? fallback : `${fallback}.tar`);
  return { path: resolve(path), isArchive: format === undefined ? path.endsWith(".tar") : format === "tar" };
}

export function openOutput(
  { path, isArchive }: Output,
  references: readonly ImageReference[],
  { staging, progress }: Pick<Work, "staging" | "progress">,
): Promise<ImageSink> {
  const names = references.map(entryName);
  return isArchive
    ? openSavedSink({ file: path, staging: join(staging, "output"), names, progress })
    : openLayoutSink({ folder: path, names, progress });
}

function entryName({ name, tag = "latest" }: ImageReference): ImageEntryName {
  return { tag, full: `${fullName(name)}:${tag}` };
}

/** As a person would type it: from where they are, when it is below. */
export function shownPath(path: string): string {
  const fromHere = relative(process.cwd(), path) || ".";
  return fromHere.startsWith("..") ? path : fromHere;
}

/** A file name out of an image's or a folder's: `stut/blog` is `blog`. */
export function fileNameOf(name: string): string {
  return basename(resolve("/", name)).replace(/[^\w.-]+/g, "-") || "image";
}
