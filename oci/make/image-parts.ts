import { digestOf } from "../digest.ts";
import type { Descriptor, Platform } from "../manifest.ts";
import { ociConfigType, ociIndexType, ociManifestType } from "../media-type.ts";
import type { BaseImage } from "./base-image.ts";
import type { BuiltLayer } from "./layer-file.ts";

/** What whoever builds says about the image. */
export interface ImageDescription {
  labels: Readonly<Record<string, string>>;
  annotations: Readonly<Record<string, string>>;
  /** Seconds since 1970. */
  createdSeconds: number;
  /** More arguments for the server, behind those of the base. */
  arguments: readonly string[];
  /** More variables for the server. */
  environment: Readonly<Record<string, string>>;
}

/** Bytes under their digest. */
export interface JsonBlob {
  descriptor: Descriptor;
  bytes: Buffer;
}

/** The same values give the same bytes: keys stand in the order in which they are written here. */
export function makeConfig(
  base: BaseImage,
  layers: readonly (BuiltLayer & { name: string })[],
  { labels, createdSeconds, arguments: more, environment }: ImageDescription,
): JsonBlob {
  const { os, architecture, variant } = base.platform;
  const created = timeOf(createdSeconds);
  const history = layers.map(({ name }) => ({ created, created_by: "statigo image build", comment: name }));
  const { Labels: baseLabels, Cmd: command, ...config } = base.config;
  const allLabels = { ...(baseLabels as object | undefined), ...labels };
  return jsonBlob(ociConfigType, {
    created,
    architecture,
    ...(variant !== "" && { variant }),
    os,
    config: {
      ...config,
      ...(Object.keys(environment).length > 0 && { Env: withVariables(config["Env"], environment) }),
      ...(more.length > 0 ? { Cmd: more } : command !== undefined && { Cmd: command }),
      ...(Object.keys(allLabels).length > 0 && { Labels: sorted(allLabels) }),
    },
    rootfs: { type: "layers", diff_ids: [...base.diffIds, ...layers.map(({ diffId }) => diffId)] },
    history: [...base.history, ...history],
  });
}

/** As ENV of a Dockerfile does it: behind the others, in place of one of the same name. */
function withVariables(base: unknown, own: ImageDescription["environment"]): string[] {
  const kept = (Array.isArray(base) ? base.map(String) : []).filter(
    (variable) => !Object.hasOwn(own, variable.split("=")[0] ?? ""),
  );
  return [...kept, ...Object.entries(own).map(([name, value]) => `${name}=${value}`)];
}

export function makeManifest(
  config: Descriptor,
  layers: readonly Descriptor[],
  annotations: ImageDescription["annotations"],
): JsonBlob {
  return jsonBlob(ociManifestType, {
    schemaVersion: 2,
    mediaType: ociManifestType,
    config: toJson(config),
    layers: layers.map(toJson),
    ...annotationsOf(annotations),
  });
}

export function makeIndex(
  manifests: readonly { descriptor: Descriptor; platform: Platform }[],
  annotations: ImageDescription["annotations"],
): JsonBlob {
  return jsonBlob(ociIndexType, {
    schemaVersion: 2,
    mediaType: ociIndexType,
    manifests: manifests.map(({ descriptor, platform: { os, architecture, variant } }) => ({
      ...toJson(descriptor),
      platform: { architecture, os, ...(variant !== "" && { variant }) },
    })),
    ...annotationsOf(annotations),
  });
}

/** As the specification spells a descriptor. */
export function toJson({ mediaType, digest, sizeBytes }: Descriptor) {
  return { mediaType, digest, size: sizeBytes };
}

export function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
}

function annotationsOf(annotations: Readonly<Record<string, string>>) {
  return Object.keys(annotations).length > 0 && { annotations: sorted(annotations) };
}

function sorted(values: object): object {
  return Object.fromEntries(Object.entries(values).sort(([one], [other]) => (one < other ? -1 : 1)));
}

function jsonBlob(mediaType: string, value: object): JsonBlob {
  const bytes = Buffer.from(JSON.stringify(value));
  return { descriptor: { mediaType, digest: digestOf(bytes), sizeBytes: bytes.length }, bytes };
}
