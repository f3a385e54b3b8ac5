import { describeImage, type ImageSummary } from "../../oci/describe-image.ts";
import { describeBytes } from "../../oci/limits.ts";
import { type OwnCommand, type ParsedArguments, UsageError } from "../command.ts";
import { clean, print, printJson } from "../terminal.ts";
import { findPlace, openPlace } from "./place.ts";
import { createAccess, registryOptions } from "./registry-access.ts";
import { withWork } from "./work.ts";

const usage = "statigo image inspect <image> [options]";

export const inspectCommand: OwnCommand = {
  kind: "own",
  name: "inspect",
  usage,
  summary: "Say what is in an image, in a registry, a layout or a tar file, without fetching its layers",
  options: {
    raw: { type: "boolean", summary: "the manifest or index, byte for byte" },
    ...registryOptions,
    json: { type: "boolean", summary: "as JSON: manifests and configs too" },
  },
  run: inspect,
};

async function inspect({ options, positionals }: ParsedArguments): Promise<number> {
  const [what, ...extra] = positionals;
  if (what === undefined) throw new UsageError(`which image? Usage: ${usage}`);
  if (extra.length > 0) throw new UsageError(`too many arguments: ${extra.join(" ")}. Usage: ${usage}`);
  const place = await findPlace(what);
  if (place.kind === "site") throw new UsageError(`'${what}' is a folder, and no OCI layout`);
  return withWork(true, async ({ staging, signal }) => {
    const accessTo = createAccess(options, process.env);
    const { source, reference } = await openPlace(place, accessTo, staging, signal);
    const image = await describeImage(source, reference, signal);
    if (options["raw"] === true) process.stdout.write(image.bytes);
    else if (options["json"] === true) printJson(toJson(image));
    else for (const line of describe(image)) print(clean(line));
    return 0;
  });
}

function toJson({ digest, mediaType, bytes, platforms }: ImageSummary) {
  return { digest, mediaType, size: bytes.length, platforms };
}

function describe({ digest, mediaType, platforms }: ImageSummary): string[] {
  const head = [`Digest:  ${digest}`, `Type:    ${mediaType}`];
  return [...head, ...platforms.flatMap((platform) => ["", ...describePlatform(platform)])];
}

function describePlatform({
  platform,
  digest,
  manifest,
  config,
}: ImageSummary["platforms"][number]): string[] {
  const settings = config.config ?? {};
  const labels = Object.entries(settings.Labels ?? {}).map(([key, value]) => `  ${key}=${value}`);
  const annotations = Object.entries(manifest.annotations ?? {}).map(([key, value]) => `  ${key}=${value}`);
  const total = manifest.layers.reduce((sum, { size }) => sum + size, 0);
  const rows: [string, string | undefined][] = [
    ["Platform:", platform],
    ["Image:", digest],
    ["Created:", config.created],
    ["Entrypoint:", settings.Entrypoint?.join(" ")],
    ["Command:", settings.Cmd?.join(" ")],
    ["Variables:", settings.Env?.filter((variable) => !variable.startsWith("PATH=")).join(" ")],
    ["Folder:", settings.WorkingDir],
    ["User:", settings.User],
    ["Ports:", Object.keys(settings.ExposedPorts ?? {}).join(", ")],
    ["Healthcheck:", settings.Healthcheck?.Test?.slice(1).join(" ")],
  ];
  return [
    ...rows
      .filter(([, value]) => value !== undefined && value !== "")
      .map(([name, value]) => `${name.padEnd(12)} ${value}`),
    ...(labels.length > 0 ? ["Labels:", ...labels] : []),
    ...(annotations.length > 0 ? ["Annotations:", ...annotations] : []),
    `Layers:      ${manifest.layers.length}, ${describeBytes(total)}`,
    ...manifest.layers.map(({ digest: layer, size, mediaType }) => {
      return `  ${layer}  ${describeBytes(size).padStart(10)}  ${mediaType.split(".").slice(-1)}`;
    }),
  ];
}
