import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { copyImage } from "../../oci/copy-image.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import type { ImageReference } from "../../oci/reference.ts";
import { type OwnCommand, type ParsedArguments, UsageError } from "../command.ts";
import { print, printJson, say } from "../terminal.ts";
import { listOf, makingOptions } from "./build-options.ts";
import { makeImage } from "./make.ts";
import { fileNameOf, openOutput, outputOptions, readOutput, shownPath } from "./output.ts";
import { findPlace, readReference } from "./place.ts";
import { createProgress } from "./progress-bar.ts";
import { pushFolder, pushOptions } from "./push.ts";
import { createAccess, registryOptions } from "./registry-access.ts";
import { useAllProcessors, withWork } from "./work.ts";

const usage = "statigo image build <folder> [options]";

export const buildCommand: OwnCommand = {
  kind: "own",
  name: "build",
  usage,
  summary: "Make an image of a site's folder",
  details: () =>
    [
      "The image is our server and the folder. Without --output it is written to a .tar file named after the image",
      "or the folder, for `docker load`, podman and skopeo. The same folder makes the same image on any machine.",
      "Of a folder with a build of its own (package.json, Hugo, Jekyll) the build is run and its result taken.",
      "Left out are names that begin with a dot, but for .well-known, and what .dockerignore says.",
    ].join("\n"),
  options: {
    tag: {
      type: "string",
      short: "t",
      multiple: true,
      value: "NAME:TAG",
      summary: "what the image is called",
    },
    ...outputOptions,
    push: { type: "boolean", summary: "push it to its registry instead of writing it" },
    ...makingOptions,
    ...pushOptions,
    ...registryOptions,
    json: { type: "boolean", summary: "what was built as JSON" },
    quiet: { type: "boolean", short: "q", summary: "no progress" },
  },
  run: build,
};

async function build({ options, positionals }: ParsedArguments): Promise<number> {
  useAllProcessors();
  const folder = await readFolder(positionals);
  const references = listOf(options, "tag").map(readReference);
  const digest = references.find((reference) => reference.digest !== undefined);
  if (digest !== undefined)
    throw new UsageError("--tag has a digest; an image gets its digest by being built");
  return withWork(options["quiet"] === true, async (work) => {
    if (options["push"] === true) return pushFolder(folder, references, options, work);
    const accessTo = createAccess(options, process.env);
    const output = readOutput(options, defaultName(folder, references));
    // Its layers were shown when they were made; to write them down takes no time.
    const sink = await openOutput(output, references, {
      ...work,
      progress: createProgress(process.stderr, true),
    });
    const making = { folder, options, environment: process.env, sink, output: output.path, accessTo };
    const image = await makeImage(making, work);
    const reference = { digest: image.top.descriptor.digest };
    const copied = await copyImage({ source: image, reference, sink, signal: work.signal });
    work.progress.stop();
    report(copied, output.path, output.isArchive, references, options["json"] === true);
    return 0;
  });
}

async function readFolder([folder, ...extra]: readonly string[]): Promise<string> {
  if (folder === undefined) throw new UsageError(`which folder? Usage: ${usage}`);
  if (extra.length > 0) throw new UsageError(`too many arguments: ${extra.join(" ")}. Usage: ${usage}`);
  const stats = await stat(folder).catch(() => undefined);
  if (stats === undefined) throw new UsageError(`'${folder}' is not there`);
  if (!stats.isDirectory()) throw new UsageError(`'${folder}' is a file; name the folder of the site`);
  if ((await findPlace(folder)).kind === "layout") {
    throw new UsageError(
      `'${folder}' is an image already, in an OCI layout; \`statigo image push\` takes it`,
    );
  }
  return folder;
}

function defaultName(folder: string, [reference]: readonly ImageReference[]): string {
  return fileNameOf(reference?.name.repository ?? resolve(folder));
}

function report(
  { digest, mediaType }: Descriptor,
  path: string,
  isArchive: boolean,
  references: readonly ImageReference[],
  isJson: boolean,
): void {
  const shown = shownPath(path);
  if (isJson) {
    const tags = references.map(({ name, tag }) => `${name.text}:${tag}`);
    printJson({ digest, mediaType, output: path, tags });
    return;
  }
  print(digest);
  const [first] = references;
  const name = first === undefined ? "" : ` ${first.name.text}:${first.tag}`;
  say(`written to ${shown}`);
  say(
    isArchive
      ? `next: docker load -i ${shown}, or statigo image push ${shown}${name || " NAME:TAG"}`
      : `next: statigo image push ${shown}${name || " NAME:TAG"}`,
  );
}
