import type { z } from "zod";
import type { Fields } from "../config/fields.ts";
import { type RetryPolicy, retrySchema } from "../queue/retry.ts";
import {
  createServiceRegistry,
  type RegistrySurroundings,
  registrySchema,
  type ServiceRegistry,
} from "../registry.ts";
import { type Gate, verifySchema } from "./verify.ts";

/** How a service's deployments are carried out, apart from where to. */
export interface DeploySetting {
  registry: ServiceRegistry | undefined;
  /** The health gate; without one, done is what the target says. */
  verify: Gate | undefined;
  retry: RetryPolicy;
  /** From its first start: no further try begins after it. */
  deadlineMs: number;
}

/** The keys of a service in the config that are about this. */
export function deployShape(fields: Fields) {
  return {
    registry: registrySchema(fields).optional().describe("how to look a tag up before it is deployed"),
    verify: verifySchema(fields).optional().describe("how to find out that a release is healthy"),
    retry: retrySchema(fields).prefault({}),
    deadline: fields.duration("how long after its start a deployment is still tried again", {
      default: "15m",
      minimum: "1s",
      maximum: "24h",
    }),
  };
}

type DeployData = z.output<z.ZodObject<ReturnType<typeof deployShape>>>;

export function deploySettingOf(
  { registry, verify, retry, deadline }: DeployData,
  surroundings: RegistrySurroundings,
): DeploySetting {
  return {
    registry: registry && createServiceRegistry(registry, surroundings),
    verify,
    retry,
    deadlineMs: deadline,
  };
}
