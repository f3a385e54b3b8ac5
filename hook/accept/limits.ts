import { z } from "zod";

/** How many requests a minute are looked at. */
export interface Limits {
  /**
   * Refused ones (a wrong URL secret, a bad signature) of one address. Who brings the right secret is never held up
   * by it, whatever else came from the same address.
   */
  perAddress: number;
  /** Authentic ones to one service: who does not know its secret cannot use them up. */
  perService: number;
}

export const limitsSchema = z.strictObject({
  perAddress: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(300)
    .describe("how many refused requests a minute one address gets an answer to"),
  // A registry that reports every pull sends far more than there are releases.
  perService: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(6000)
    .describe("how many authentic webhooks a minute one service takes"),
});
