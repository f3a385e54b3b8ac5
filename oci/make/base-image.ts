import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { readBlob } from "../blob.ts";
import { ImageError } from "../image-error.ts";
import type { ImageSource, Reference } from "../image-source.ts";
import { type Descriptor, objectOf, type Platform, parseJsonObject, quote } from "../manifest.ts";
import { noProgress } from "../progress.ts";
import { resolveImage } from "../resolve.ts";
import type { ArchiveEntry } from "./archive.ts";
import type { LayerCompression } from "./compress.ts";
import { writeLayer } from "./layer-file.ts";
import type { ServerPlatform } from "./server-platform.ts";

/** What a site's layers are put on. */
export interface BaseImage {
  platform: Platform;
  layers: readonly Descriptor[];
  diffIds: readonly string[];
  history: readonly unknown[];
  /** `config` of the image's config: program, user, folder, port, health check. */
  config: Readonly<Record<string, unknown>>;
  openBlob: ImageSource["openBlob"];
}

const second = 1_000_000_000;

/** What Dockerfile.base says, in the image specification's words; a test compares them. */
export const serverConfig = {
  User: "65532:65532",
  ExposedPorts: { "3000/tcp": {} },
  // As BuildKit writes it for an image without a base.
  Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
  Entrypoint: ["/statigo", "-root-dir", "/www"],
  WorkingDir: "/www",
  Healthcheck: {
    Test: ["CMD", "/statigo", "--healthcheck"],
    Interval: 5 * second,
    Timeout: 6 * second,
    Retries: 3,
  },
} as const;

export interface ServerBaseOptions {
  platform: ServerPlatform;
  /** The native build of the server. */
  program: string;
  compression: LayerCompression;
  /** Where the layer is written to. */
  staging: string;
  signal: AbortSignal;
}

/**
 * The same base image as Dockerfile.base makes, without a build: the server and the empty folder. Its times are 0
 * whatever the site's are, so that all sites share it.
 */
export async function makeServerBase(options: ServerBaseOptions): Promise<BaseImage> {
  const { platform, program, compression, staging, signal } = options;
  const content = await readProgram(program, platform);
  const common = { target: "", modifiedSeconds: 0 };
  const entries: ArchiveEntry[] = [
    { ...common, path: "statigo", kind: "file", mode: 0o755, sizeBytes: content.length, content },
    { ...common, path: "www", kind: "directory", mode: 0o755, sizeBytes: 0 },
  ];
  const step = noProgress.begin("", 0);
  const { descriptor, diffId, file } = await writeLayer(entries, compression, staging, step, signal);
  return {
    platform: { os: platform.os, architecture: platform.architecture, variant: platform.variant },
    layers: [descriptor],
    diffIds: [diffId],
    history: [
      { created: new Date(0).toISOString(), created_by: "statigo image build", comment: "the server" },
    ],
    config: serverConfig,
    openBlob: async (_, __, startBytes = 0) => createReadStream(file, { start: startBytes }),
  };
}

async function readProgram(program: string, { buildCommand }: ServerPlatform): Promise<Buffer> {
  try {
    return await readFile(program);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT") throw error;
    throw new ImageError(
      `the server's native build ${program} is not there: ${buildCommand} makes it (gcc and musl-tools), and --from takes a base image instead`,
    );
  }
}

/** Another image as the base: what it says of itself is kept, the site goes into its working directory. */
export async function openBase(
  source: ImageSource,
  reference: Reference,
  architecture: string,
  signal: AbortSignal,
): Promise<BaseImage> {
  const image = await resolveImage(source, reference, { signal, log: () => {}, architecture });
  const body = parseJsonObject(await readBlob(source, image.config, signal), "the base image's config");
  const { os, architecture: found, variant, config, history } = body;
  if (found !== architecture) {
    throw new ImageError(
      `the base image from ${source.name} is for ${quote(found)}, not for ${architecture}`,
    );
  }
  return {
    platform: {
      os: typeof os === "string" ? os : "linux",
      architecture,
      variant: typeof variant === "string" ? variant : "",
    },
    layers: image.layers,
    diffIds: image.diffIds,
    history: Array.isArray(history) ? history : [],
    config: objectOf(config),
    openBlob: source.openBlob,
  };
}
