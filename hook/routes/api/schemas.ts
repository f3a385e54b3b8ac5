import { z } from "zod";
import { type Cause, states, type WaitingFor } from "../../store/deployment.ts";

/** Every schema that has a name of its own in the OpenAPI document. */
export const namedSchemas = z.registry<{ id: string }>();

export function named<Schema extends z.ZodObject>(id: string, schema: Schema): Schema {
  namedSchemas.add(schema, { id });
  return schema;
}

export const noQuery = z.strictObject({});

const causes = ["webhook", "deploy", "redeploy", "rollback"] as const satisfies readonly Cause[];
const waits = [
  "turn",
  "approval",
  "pause",
  "freeze",
  "window",
  "retry",
] as const satisfies readonly WaitingFor[];

export const stateSchema = z.enum(states);
export const timeSchema = z.string().describe("an ISO 8601 time in UTC").meta({ format: "date-time" });
export const tagSchema = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, "is not an image tag")
  .describe("an image tag");
export const digestSchema = z
  .string()
  .regex(/^sha256:[0-9a-f]{64}$/, "is not sha256: and 64 hexadecimal digits")
  .describe("the digest that the tag must have");
export const reasonSchema = z.string().trim().max(500).describe("why, for whoever reads it later");
/** A name that no service can have is no error here: there is just no such service. */
export const serviceNameSchema = z.string().max(63).describe("a service's name");
export const idSchema = z.coerce.number<string>().int().min(1).max(Number.MAX_SAFE_INTEGER);

export const deploymentSchema = named(
  "Deployment",
  z.object({
    id: z.int(),
    service: z.string(),
    image: z.string(),
    tag: z.string(),
    digest: z.string().nullable(),
    source: z.string().describe("which sender's webhook it came from, or `api`"),
    target: z.string(),
    cause: z.enum(causes).describe("why there is this deployment"),
    actor: z.string().describe("who asked for it: a token's name, `webhook` or `hook`"),
    pusher: z.string().nullable().describe("who pushed the image, as the sender says"),
    deliveryId: z.string().nullable(),
    state: stateSchema,
    reason: z.string().nullable().describe("what was said at the end, or why it is not there yet"),
    waitingFor: z.enum(waits).nullable(),
    approvedBy: z.string().nullable(),
    attempt: z.int().describe("how often it was begun"),
    replaces: z.int().nullable().describe("the deployment whose release ran when this one began"),
    restores: z.int().nullable().describe("the deployment whose release this one brings again"),
    rolledBackTo: z.string().nullable().describe("the tag that runs again after this one was rolled back"),
    pushedAt: timeSchema.nullable(),
    acceptedAt: timeSchema,
    notBefore: timeSchema.nullable(),
    firstStartedAt: timeSchema.nullable().describe("when its first try was begun"),
    startedAt: timeSchema.nullable().describe("when its last try was begun"),
    verifyingAt: timeSchema.nullable(),
    finishedAt: timeSchema.nullable(),
  }),
);

export const transitionSchema = named(
  "Transition",
  z.object({
    id: z.int().describe("ascending over all deployments"),
    deployment: z.int(),
    service: z.string(),
    tag: z.string(),
    at: timeSchema,
    state: stateSchema,
    reason: z.string().nullable(),
    actor: z.string(),
  }),
);

export const logLineSchema = named(
  "LogLine",
  z.object({ sequence: z.int(), at: timeSchema, line: z.string() }),
);

const holdFields = {
  state: z.enum(["active", "paused", "frozen"]),
  pausedAt: timeSchema.nullable(),
  pausedBy: z.string().nullable(),
  pausedReason: z.string().nullable(),
  frozenUntil: timeSchema.nullable(),
  frozenBy: z.string().nullable(),
  frozenReason: z.string().nullable(),
};

export const holdSchema = named(
  "Hold",
  z.object({ service: z.string(), at: timeSchema.describe("when it was seen"), ...holdFields }),
);

export const configLoadedSchema = named(
  "ConfigLoaded",
  z.object({ configLoadedAt: timeSchema.describe("when it was seen") }),
);

export const serviceSchema = named(
  "Service",
  z.object({
    name: z.string(),
    image: z.string(),
    target: z.string(),
    ...holdFields,
    release: z
      .object({ tag: z.string(), digest: z.string().nullable(), deployment: z.int(), since: timeSchema })
      .nullable()
      .describe("what was last deployed with success"),
    last: deploymentSchema.nullable().describe("the newest deployment that has begun"),
    next: deploymentSchema.nullable().describe("the one that waits and is first in line"),
  }),
);

export const auditEntrySchema = named(
  "AuditEntry",
  z.object({
    id: z.int(),
    at: timeSchema,
    actor: z.string(),
    action: z.string(),
    service: z.string().nullable(),
    deployment: z.int().nullable(),
    detail: z.string().nullable(),
  }),
);

export const errorSchema = named(
  "Error",
  z.object({ error: z.object({ code: z.string(), message: z.string() }) }),
);
