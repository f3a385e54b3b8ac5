import { z } from "zod";
import type { Fields } from "../config/fields.ts";

/** How often and how fast something is tried again that failed for a passing reason. */
export interface RetryPolicy {
  /** The first one included. */
  attempts: number;
  firstMs: number;
  maximumMs: number;
}

/** `retry: { attempts, first, maximum }` of a service. */
export function retrySchema(fields: Fields) {
  return z
    .strictObject({
      attempts: z
        .int()
        .min(1)
        .max(100)
        .default(10)
        .describe("how often a deployment is tried when its engine is away; 1 is no second try"),
      first: fields.duration("the pause before the second try; each later one is about twice as long", {
        default: "2s",
        minimum: "10ms",
        maximum: "10m",
      }),
      maximum: fields.duration("the longest pause between two tries", {
        default: "1m",
        minimum: "10ms",
        maximum: "1h",
      }),
    })
    .transform(
      ({ attempts, first, maximum }): RetryPolicy => ({ attempts, firstMs: first, maximumMs: maximum }),
    );
}

/**
 * The pause after a number of failed tries: doubled each time, and half of it left to chance, so that what failed
 * together does not come back together.
 */
export function pauseAfter(
  failures: number,
  { firstMs, maximumMs }: Pick<RetryPolicy, "firstMs" | "maximumMs">,
  random = Math.random(),
): number {
  const fullMs = Math.min(maximumMs, firstMs * 2 ** (failures - 1));
  return Math.round(fullMs / 2 + (fullMs / 2) * random);
}
