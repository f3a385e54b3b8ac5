import type { ImageName } from "../../../oci/reference.ts";
import type { Engine } from "../../engine-api/engine.ts";
import { EngineError } from "../../engine-api/error.ts";
import { parseReference } from "../../engine-api/images.ts";
import { askRegistry, type SwarmService } from "../../engine-api/services.ts";
import type { Release } from "../target.ts";
import { containerOf, imageOf, type PinnedImage } from "./spec.ts";

export interface PinWish {
  name: ImageName;
  release: Release;
  /** Ask for the digest of a tag whose digest is not known. */
  isAsked: boolean;
  headers: Readonly<Record<string, string>>;
  signal: AbortSignal;
  log(line: string): void;
}

/**
 * The image that every node is to run: with the digest, so that all of them run the same, also those that come later,
 * and a tag that is not there is noticed before anything moves.
 */
export async function pinImage(engine: Engine, wish: PinWish): Promise<PinnedImage> {
  const { name, release, headers, signal, log } = wish;
  const tagged = `${name.text}:${release.tag}`;
  if (release.digest !== null) return { reference: `${tagged}@${release.digest}` };
  if (!wish.isAsked) return { reference: tagged };
  try {
    const { digest, platforms } = await askRegistry(engine, tagged, { headers, signal });
    if (digest === undefined) return { reference: tagged };
    log(`the registry has ${tagged} as ${digest}`);
    return { reference: `${tagged}@${digest}`, platforms };
  } catch (error) {
    throw error instanceof EngineError ? explainPin(error, tagged) : error;
  }
}

/** The Engine passes on what the registry said, and in which status it is is a matter of its version. */
function explainPin(error: EngineError, tagged: string): EngineError {
  const { status, said, message } = error;
  const facts = { ...(status !== undefined && { status }), said, hasNoEffect: true };
  if (/manifest unknown|not found|no such manifest|name unknown/i.test(said))
    return new EngineError(`there is no ${tagged} in its registry (${said}): is it pushed?`, {
      ...facts,
      isTemporary: false,
    });
  if (status === 401 || status === 403 || /unauthorized|denied|no basic auth/i.test(said))
    return new EngineError(
      `${message}: give the target a login for the registry, or leave the digest to the nodes with \`pin: false\``,
      { ...facts, isTemporary: false },
    );
  return new EngineError(message, { ...facts, isTemporary: error.isTemporary });
}

/** The release that a service runs, when it is one of the image. */
export function releaseOf(service: Pick<SwarmService, "Spec">): (Release & { name: ImageName }) | undefined {
  const reference = parseReference(imageOf(service));
  if (reference === undefined) return undefined;
  return { name: reference.name, tag: reference.tag ?? "latest", digest: reference.digest };
}

/** A release whose digest nobody wrote down may still stand where a swarm keeps what was before. */
export function findEarlierImage(
  services: readonly SwarmService[],
  { text }: ImageName,
  tag: string,
): string | undefined {
  for (const { Spec, PreviousSpec } of services) {
    for (const spec of [Spec, PreviousSpec]) {
      const image = (spec && containerOf(spec)?.Image) ?? "";
      if (image.startsWith(`${text}:${tag}@`)) return image;
    }
  }
  return undefined;
}
