/** What an image may take at most; whoever can push an image could fill the disk or the memory with one. */
export interface ImageLimits {
  /** All layers as they are fetched, together. */
  downloadBytes: number;
  /** All layers' archives unpacked, together: base images are read through, and not kept. */
  unpackedBytes: number;
  /** The files that are kept, together. */
  siteBytes: number;
  /** Files, folders and links of the whole image. */
  entries: number;
}

export const defaultLimits: ImageLimits = {
  downloadBytes: 1024 ** 3,
  unpackedBytes: 4 * 1024 ** 3,
  siteBytes: 1024 ** 3,
  entries: 200_000,
};

/** For messages: `1 GiB`, `1.5 MiB`. */
export function describeBytes(sizeBytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let value = sizeBytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
  return `${Number(value.toFixed(1))} ${units[unit]}`;
}
