import { z } from "zod";
import type { Fields } from "../config/fields.ts";
import { type Window, windowSchema } from "../queue/window.ts";
import { type Order, orderSchema } from "./order.ts";

/** Which of a service's webhooks lead to a deployment, and when. */
export interface ReleasePolicy {
  /** By what an older release is told from a newer one. */
  order: Order;
  /** Events about one push that are no further apart than this are one. */
  dedupeMs: number;
  /** Webhooks wait until a person says yes. */
  needsApproval: boolean;
  /** When webhooks may be deployed; at any time without one. */
  window: Window | undefined;
}

/** The keys of a service in the config that are about this. */
export function releasePolicyShape(fields: Fields) {
  return {
    order: orderSchema(),
    dedupe: fields.duration("how far apart two events about one push may be", {
      default: "10m",
      minimum: "0s",
      maximum: "24h",
    }),
    approval: z.boolean().default(false).describe("whether each webhook waits until a person approves it"),
    window: windowSchema().optional(),
  };
}

type PolicyData = z.output<z.ZodObject<ReturnType<typeof releasePolicyShape>>>;

export function releasePolicyOf({ order, dedupe, approval, window }: PolicyData): ReleasePolicy {
  return { order, dedupeMs: dedupe, needsApproval: approval, window };
}
