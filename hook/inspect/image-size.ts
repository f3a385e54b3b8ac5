import { resolveImage } from "../../oci/resolve.ts";
import type { Running } from "./health.ts";

/** Of the compressed layers, as they are pulled; `null` where the hook has no registry to ask or gets no answer. */
export async function findImageBytes(
  { service, release }: Running,
  signal: AbortSignal,
): Promise<number | null> {
  const source = service.registry ?? service.target.images;
  if (source === undefined) return null;
  try {
    const images = await source.open(signal);
    const reference = release.digest === null ? { tag: release.tag } : { digest: release.digest };
    const { layers } = await resolveImage(images, reference, { signal, log: () => {} });
    return layers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  } catch {
    return null;
  }
}
