import type { Service } from "../service.ts";
import type { Deployment } from "../store/deployment.ts";
import type { Store } from "../store/store.ts";
import { findHealth, type Health, type Running } from "./health.ts";
import { findImageBytes } from "./image-size.ts";
import { createLookup, type Known } from "./lookup.ts";

/** What is known of a service's release without its history. */
export interface Inspected {
  release: Deployment | undefined;
  /** `undefined` until it was looked up for the first time. */
  health: Known<Health> | undefined;
  /** `null`: it cannot be told. */
  imageBytes: number | null | undefined;
}

export interface Inspection {
  inspect(service: Service): Inspected;
  stop(): void;
}

/** Short enough to be called live, and no load for a site that twenty people watch. */
const healthFreshMs = 15_000;
const dayMs = 24 * 3_600_000;
/** A registry that gave no answer is not asked again by everyone who looks. */
const unknownSizeFreshMs = 10 * 60_000;
const timeoutMs = 10_000;
const parallel = 8;

export function createInspection({ store }: { store: Pick<Store, "lastSucceeded"> }): Inspection {
  const health = createLookup({ look: findHealth, freshMs: () => healthFreshMs, timeoutMs, parallel });
  const sizes = createLookup({
    look: findImageBytes,
    freshMs: (bytes) => (bytes === null ? unknownSizeFreshMs : dayMs),
    timeoutMs,
    parallel,
  });
  return {
    inspect(service) {
      const release = store.lastSucceeded(service.name);
      if (release === undefined) return { release, health: undefined, imageBytes: null };
      const running: Running = { service, release };
      const image = `${release.image}@${release.digest ?? release.tag}`;
      return {
        release,
        health: health.of(`${service.name} ${release.id}`, running),
        imageBytes: sizes.of(image, running)?.value,
      };
    },
    stop() {
      health.stop();
      sizes.stop();
    },
  };
}
