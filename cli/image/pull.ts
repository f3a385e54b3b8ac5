import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { copyImage } from "../../oci/copy-image.ts";
import { ImageError } from "../../oci/image-error.ts";
import { resolveImage } from "../../oci/resolve.ts";
import { unpackImage } from "../../oci/unpack.ts";
import { explainWriteError } from "../../oci/write/write-error.ts";
import { type OwnCommand, type ParsedArguments, UsageError } from "../command.ts";
import { print, printJson, say } from "../terminal.ts";
import { fileNameOf, openOutput, outputOptions, readOutput, shownPath } from "./output.ts";
import { findPlace, type OpenPlace, openPlace, type Place } from "./place.ts";
import { createAccess, registryOptions, text } from "./registry-access.ts";
import { type Work, withWork } from "./work.ts";

const usage = "statigo image pull <image> [options]";

export const pullCommand: OwnCommand = {
  kind: "own",
  name: "pull",
  usage,
  summary: "Fetch an image into a file or folder, or only the site that is in it",
  details: () =>
    "Of an image for several platforms all are fetched, unless one is named. With --site nothing but the site's\nfiles are written, for `statigo serve` or any other server.",
  options: {
    ...outputOptions,
    site: { type: "string", value: "FOLDER", summary: "write the site's files there instead of the image" },
    path: {
      type: "string",
      value: "PATH",
      summary: "the site's folder in the image (its working directory)",
    },
    platform: { type: "string", value: "OS/ARCH", summary: "one platform of several, as linux/arm64" },
    ...registryOptions,
    json: { type: "boolean", summary: "what was fetched as JSON" },
    quiet: { type: "boolean", short: "q", summary: "no progress" },
  },
  run: pull,
};

async function pull({ options, positionals }: ParsedArguments): Promise<number> {
  const [what, ...extra] = positionals;
  if (what === undefined) throw new UsageError(`which image? Usage: ${usage}`);
  if (extra.length > 0) throw new UsageError(`too many arguments: ${extra.join(" ")}. Usage: ${usage}`);
  const place = await findPlace(what);
  if (place.kind === "site") throw new UsageError(`'${what}' is a folder, and no OCI layout`);
  return withWork(options["quiet"] === true, async (work) => {
    const accessTo = createAccess(options, process.env);
    const opened = await openPlace(place, accessTo, work.staging, work.signal);
    const site = text(options, "site");
    return site === undefined
      ? pullImage(place, opened, options, work)
      : pullSite(opened, resolve(site), options, work);
  });
}

function architectureOf(options: ParsedArguments["options"]): string | undefined {
  return text(options, "platform")?.replace(/^linux\//, "");
}

async function pullImage(
  place: Exclude<Place, { kind: "site" }>,
  { source, reference }: OpenPlace,
  options: ParsedArguments["options"],
  work: Work,
): Promise<number> {
  const references = place.kind === "registry" && place.reference.tag !== undefined ? [place.reference] : [];
  const name = place.kind === "registry" ? place.reference.name.repository : "image";
  const output = readOutput(options, fileNameOf(name));
  const sink = await openOutput(output, references, work);
  const architecture = architectureOf(options);
  const { digest, mediaType } = await copyImage({
    source,
    reference,
    sink,
    architecture,
    signal: work.signal,
  });
  work.progress.stop();
  if (options["json"] === true) printJson({ digest, mediaType, output: output.path });
  else {
    print(digest);
    say(`written to ${shownPath(output.path)}`);
  }
  return 0;
}

/** Without the hook's limits: who types a folder's name has looked at what is to come. */
const noLimits = {
  downloadBytes: Number.MAX_SAFE_INTEGER,
  unpackedBytes: Number.MAX_SAFE_INTEGER,
  siteBytes: Number.MAX_SAFE_INTEGER,
  entries: 5_000_000,
};

async function pullSite(
  { source, reference }: OpenPlace,
  folder: string,
  options: ParsedArguments["options"],
  { staging, signal }: Work,
): Promise<number> {
  if (await stat(folder).catch(() => undefined)) {
    throw new UsageError(
      `'${folder}' is there already, and nothing is ever overwritten: name another folder`,
    );
  }
  const architecture = architectureOf(options);
  const log = options["quiet"] === true ? () => {} : say;
  const image = await resolveImage(source, reference, {
    signal,
    log,
    ...(architecture !== undefined && { architecture }),
  });
  const path = text(options, "path") ?? image.workingDir;
  if (path === "")
    throw new ImageError("the image names no working directory: say with --path where its site is");
  const own = join(staging, "site");
  await mkdir(own, { mode: 0o700 });
  const common = { source, image, path, staging: own, limits: noLimits, signal, log };
  const { omissions, files, sizeBytes } = await wholly(folder, (beside) =>
    unpackImage({ ...common, folder: beside }),
  );
  for (const omission of omissions) say(`left out: ${omission}`);
  if (options["json"] === true)
    printJson({ digest: image.digest, folder, files: files.length, size: sizeBytes });
  else {
    print(image.digest);
    say(`${files.length} files in ${shownPath(folder)}`);
  }
  return 0;
}

/** Written beside, and there once it is whole: a half of a site would be taken for all, and be in the way of the next try. */
async function wholly<Result>(folder: string, write: (beside: string) => Promise<Result>): Promise<Result> {
  const beside = `${folder}.${process.pid}`;
  try {
    const result = await write(beside);
    await rename(beside, folder);
    return result;
  } catch (error) {
    throw explainWriteError(error, folder);
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}
