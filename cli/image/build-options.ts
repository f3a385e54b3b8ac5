import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { defaultLevels, type LayerCompression, maximumLevels } from "../../oci/make/compress.ts";
import { type IgnoreRules, parseIgnoreRules } from "../../oci/make/ignore-rules.ts";
import { type ImageDescription, timeOf } from "../../oci/make/image-parts.ts";
import type { Compression } from "../../oci/media-type.ts";
import { parseOptions as parseServerOptions } from "../../server/library.ts";
import { type Option, type ParsedArguments, UsageError } from "../command.ts";
import { text } from "./registry-access.ts";
import type { FoundSite } from "./site-source.ts";

type Options = ParsedArguments["options"];

/** Of whatever makes an image from a folder: `build`, and `push` of a folder. */
export const makingOptions: Record<string, Option> = {
  compress: { type: "boolean", summary: "add .br, .zst and .gz files beside those that they make smaller" },
  compression: { type: "string", value: "KIND", summary: "of the layers: gzip (default), zstd or none" },
  level: { type: "string", value: "N", summary: "of the compression: gzip 1 to 9 (6), zstd 1 to 19 (9)" },
  label: {
    type: "string",
    multiple: true,
    value: "KEY=VALUE",
    summary: "a label; org.opencontainers.image.* are annotations too",
  },
  annotation: {
    type: "string",
    multiple: true,
    value: "KEY=VALUE",
    summary: "an annotation of the manifest",
  },
  git: {
    type: "boolean",
    summary: "labels for revision, source and version, and the commit's time, from git",
  },
  created: {
    type: "string",
    value: "TIME",
    summary: "of the image and its files (SOURCE_DATE_EPOCH, else 1970)",
  },
  exclude: {
    type: "string",
    multiple: true,
    value: "PATTERN",
    summary: "leave out what matches, as a line in .dockerignore does",
  },
  hidden: { type: "boolean", summary: "take names that begin with a dot too" },
  "as-is": { type: "boolean", summary: "never run a build: take the folder as it is" },
  from: {
    type: "string",
    value: "IMAGE",
    summary: "another base: a layout, a tar file or a name in a registry",
  },
  platform: {
    type: "string",
    multiple: true,
    value: "OS/ARCH",
    summary: "linux/amd64 (default), linux/arm64, or both with a comma",
  },
  arg: { type: "string", multiple: true, value: "FLAG", summary: "a flag for the server, as --arg=--spa" },
  "max-size": { type: "string", value: "SIZE", summary: "of the site, as 10GiB (default 4GiB)" },
};

const kinds: readonly Compression[] = ["gzip", "zstd", "none"];

export function readCompression(options: Options): LayerCompression {
  const wanted = text(options, "compression") ?? "gzip";
  const kind = kinds.find((one) => one === wanted);
  if (kind === undefined) throw new UsageError(`--compression is gzip, zstd or none, not '${wanted}'`);
  const level = text(options, "level");
  if (level === undefined) return { kind, level: defaultLevels[kind] };
  const number = Number(level);
  if (!/^\d+$/.test(level) || number < 1 || number > maximumLevels[kind]) {
    throw new UsageError(`--level of ${kind} is a number from 1 to ${maximumLevels[kind]}, not '${level}'`);
  }
  return { kind, level: number };
}

/** An image whose server ends at once would be found out only where it is to run. Another base may have another program. */
function readServerArguments(options: Options): string[] {
  const words = listOf(options, "arg");
  if (text(options, "from") !== undefined) return words;
  const { error } = parseServerOptions(words, () => "");
  if (error !== "") throw new UsageError(`--arg: ${error}; a flag of the server is given as --arg=--spa`);
  return words;
}

export function listOf(options: Options, name: string): string[] {
  const value = options[name];
  return Array.isArray(value) ? value : [];
}

function pairsOf(options: Options, name: string): Record<string, string> {
  const pairs = listOf(options, name).map((pair) => {
    const equals = pair.indexOf("=");
    if (equals < 1) throw new UsageError(`--${name} is KEY=VALUE, not '${pair}'`);
    return [pair.slice(0, equals), pair.slice(equals + 1)];
  });
  return Object.fromEntries(pairs);
}

const standardPrefix = "org.opencontainers.image.";

/** What the image says of itself; of the same folder and options always the same. */
export async function readDescription(
  options: Options,
  { folder, environment: ofServer }: FoundSite,
  environment: NodeJS.ProcessEnv,
): Promise<ImageDescription> {
  const git = options["git"] === true ? await readGit(folder) : undefined;
  const labels = { ...git?.labels, ...pairsOf(options, "label") };
  const standard = Object.entries(labels).filter(([key]) => key.startsWith(standardPrefix));
  const createdSeconds = readCreated(options, environment) ?? git?.seconds ?? 0;
  const created = { [`${standardPrefix}created`]: timeOf(createdSeconds) };
  return {
    labels,
    annotations: { ...created, ...Object.fromEntries(standard), ...pairsOf(options, "annotation") },
    createdSeconds,
    arguments: readServerArguments(options),
    environment: ofServer,
  };
}

/** The last second that a tar archive's header has room for. */
const lastSecond = 8 ** 11 - 1;

function readCreated(options: Options, environment: NodeJS.ProcessEnv): number | undefined {
  const given = text(options, "created");
  const name = given === undefined ? "SOURCE_DATE_EPOCH" : "--created";
  const value = given ?? environment["SOURCE_DATE_EPOCH"] ?? "";
  if (value === "") return undefined;
  const seconds = /^\d+$/.test(value) ? Number(value) : Math.floor(Date.parse(value) / 1000);
  if (seconds >= 0 && seconds <= lastSecond) return seconds;
  throw new UsageError(`${name} is a time as 2026-12-24T18:00:00Z or in seconds since 1970, not '${value}'`);
}

async function readGit(folder: string): Promise<{ labels: Record<string, string>; seconds: number }> {
  const run = promisify(execFile);
  const git = async (...args: string[]) => (await run("git", args, { cwd: folder })).stdout.trim();
  const commit = await git("log", "-1", "--format=%H %ct").catch((error: Error) => {
    throw new UsageError(
      `--git: ${folder} is in no git repository with a commit (${error.message.split("\n")[0]})`,
    );
  });
  const [revision = "", seconds] = commit.split(" ");
  const source = await git("remote", "get-url", "origin").catch(() => "");
  const version = await git("describe", "--tags", "--exact-match").catch(() => "");
  const labels = {
    revision,
    // A URL may have a password in it.
    source: source.replace(/^(https?:\/\/)[^/@]*@/, "$1"),
    version,
  };
  const entries = Object.entries(labels).filter(([, value]) => value !== "");
  return {
    labels: Object.fromEntries(entries.map(([key, value]) => [`${standardPrefix}${key}`, value])),
    seconds: Number(seconds),
  };
}

/** The folder's own .dockerignore, then what --exclude says. */
export async function readIgnoreRules(options: Options, folder: string): Promise<IgnoreRules> {
  const file = join(folder, ".dockerignore");
  const own = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  try {
    return parseIgnoreRules([...own.replace(/^\ufeff/, "").split(/\r?\n/), ...listOf(options, "exclude")]);
  } catch (error) {
    throw new UsageError(`${file} or --exclude: ${(error as Error).message}`);
  }
}

const units: Readonly<Record<string, number>> = { "": 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };
const defaultMaximumBytes = 4 * 1024 ** 3;

export function readMaximumBytes(options: Options): number {
  const value = text(options, "max-size");
  if (value === undefined) return defaultMaximumBytes;
  const [, number, unit = ""] = /^(\d+)\s*([kmgt]?)(?:i?b)?$/i.exec(value) ?? [];
  if (number === undefined) throw new UsageError(`--max-size is a size as 500MiB or 10GiB, not '${value}'`);
  return Number(number) * (units[unit.toLowerCase()] ?? 1);
}
