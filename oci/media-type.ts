/** What a manifest's or a layer's media type means; of the image specification and of Docker, which was there before. */

export const indexTypes: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
]);

export const imageTypes: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
]);

/** Charts, signatures and other artifacts have the same manifests with other configs. */
export const configTypes: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
]);

export type Compression = "none" | "gzip" | "zstd";

const layerTypes: ReadonlyMap<string, Compression> = new Map([
  ["application/vnd.oci.image.layer.v1.tar", "none"],
  ["application/vnd.oci.image.layer.v1.tar+gzip", "gzip"],
  ["application/vnd.oci.image.layer.v1.tar+zstd", "zstd"],
  ["application/vnd.docker.image.rootfs.diff.tar", "none"],
  ["application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip"],
  ["application/vnd.docker.image.rootfs.diff.tar.zstd", "zstd"],
]);

/** `undefined` for what is not understood, foreign layers (which lie at addresses that the manifest names) among it. */
export function compressionOf(mediaType: string): Compression | undefined {
  return layerTypes.get(mediaType);
}

/** Of a layer as it is made here: the image specification's. */
export function layerTypeOf(compression: Compression): string {
  const ending = compression === "none" ? "" : `+${compression}`;
  return `application/vnd.oci.image.layer.v1.tar${ending}`;
}

export const ociIndexType = "application/vnd.oci.image.index.v1+json";
export const ociManifestType = "application/vnd.oci.image.manifest.v1+json";
export const ociConfigType = "application/vnd.oci.image.config.v1+json";
