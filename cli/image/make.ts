import { createHash } from "node:crypto";
import { mkdir, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import type { ImageSink } from "../../oci/image-sink.ts";
import { type BaseImage, makeServerBase, openBase } from "../../oci/make/base-image.ts";
import { type BuiltImage, buildImage } from "../../oci/make/build-image.ts";
import { addCompressedSiblings } from "../../oci/make/compressed-siblings.ts";
import { openLayerMemory } from "../../oci/make/layer-memory.ts";
import { findServerPlatform } from "../../oci/make/server-platform.ts";
import { listSiteFiles } from "../../oci/make/site-files.ts";
import { type ParsedArguments, UsageError } from "../command.ts";
import { describeMissingFlags } from "../project-hint.ts";
import { say } from "../terminal.ts";
import {
  listOf,
  readCompression,
  readDescription,
  readIgnoreRules,
  readMaximumBytes,
} from "./build-options.ts";
import { findNativeProgram } from "./native-program.ts";
import { findPlace, openPlace } from "./place.ts";
import { type AccessTo, text } from "./registry-access.ts";
import { findSite } from "./site-source.ts";
import type { Work } from "./work.ts";

export interface Making {
  folder: string;
  options: ParsedArguments["options"];
  environment: NodeJS.ProcessEnv;
  sink: ImageSink;
  /** The file or folder that is written, in case it lies in the site's folder. */
  output: string | undefined;
  accessTo: AccessTo;
}

/** Makes an image of a folder, by the options of `makingOptions`. */
export async function makeImage(making: Making, work: Work): Promise<BuiltImage> {
  const { options, environment, sink } = making;
  const { staging, progress, signal } = work;
  const compression = readCompression(options);
  const maximumBytes = readMaximumBytes(options);
  const found = await findSite(making.folder, options["as-is"] === true, signal);
  const { folder } = found;
  const hint = listOf(options, "arg").length === 0 ? describeMissingFlags(making.folder) : undefined;
  if (hint !== undefined) say(`notice: ${hint}`);
  const description = await readDescription(options, found, environment);
  const site = listSiteFiles({
    folder: await realpath(folder),
    ignore: await readIgnoreRules(options, folder),
    hasHidden: options["hidden"] === true,
    output: making.output && (await realPlace(making.output)),
    maximumBytes,
    modifiedSeconds: description.createdSeconds,
  });
  for (const warning of site.warnings) say(`warning: ${warning}`);
  if (site.fileCount === 0) throw new UsageError(`${folder} has no file that would be served`);
  const hasIndex = site.entries.some(({ path }) => path === "index.html");
  if (!hasIndex) say(`warning: ${folder} has no index.html, so / will be answered with 404`);
  const bases = await makeBases(making, work);
  const siblings = { entries: site.entries, staging: await subfolder(staging, "siblings"), progress, signal };
  const entries = options["compress"] === true ? await addCompressedSiblings(siblings) : site.entries;
  const memory = await openLayerMemory(memoryFile(folder, environment), compression);
  const layers = await subfolder(staging, "layers");
  return buildImage({
    entries,
    bases,
    description,
    compression,
    staging: layers,
    sink,
    memory,
    progress,
    signal,
  });
}

async function makeBases({ options, accessTo }: Making, { staging, signal }: Work): Promise<BaseImage[]> {
  const wanted = listOf(options, "platform").flatMap((text) => text.split(","));
  const platforms = [...new Set(wanted.length === 0 ? ["linux/amd64"] : wanted)];
  const from = text(options, "from");
  if (from !== undefined) {
    const place = await findPlace(from);
    if (place.kind === "site") throw new UsageError(`--from: ${from} is a folder, and no OCI layout`);
    const { source, reference } = await openPlace(place, accessTo, await subfolder(staging, "base"), signal);
    const architectures = platforms.map((platform) => platform.replace(/^linux\//, ""));
    return Promise.all(
      architectures.map((architecture) => openBase(source, reference, architecture, signal)),
    );
  }
  const folder = await subfolder(staging, "server");
  return Promise.all(
    platforms.map((name) => {
      const platform = findServerPlatform(name);
      // The strongest there is: it is 312 kB, and the same in all images.
      const compression = { kind: readCompression(options).kind, level: 9 };
      const program = findNativeProgram(platform.program);
      return makeServerBase({ platform, program, compression, staging: folder, signal });
    }),
  );
}

/** Of a file that need not be there yet: the site's folder is listed by its real path as well. */
async function realPlace(path: string): Promise<string> {
  const parent = await realpath(dirname(path)).catch(() => dirname(path));
  return join(parent, basename(path));
}

async function subfolder(staging: string, name: string): Promise<string> {
  const folder = join(staging, name);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

export function cacheFolder(environment: NodeJS.ProcessEnv): string {
  const caches = environment["XDG_CACHE_HOME"] || join(environment["HOME"] || homedir(), ".cache");
  return join(caches, "statigo");
}

function memoryFile(folder: string, environment: NodeJS.ProcessEnv): string {
  const name = createHash("sha256").update(resolve(folder)).digest("hex").slice(0, 32);
  return join(cacheFolder(environment), "layers", `${name}.json`);
}
