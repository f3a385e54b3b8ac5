import { z } from "zod";
import { parseDuration } from "../../config/duration.ts";
import { HttpError } from "../../http/errors.ts";
import type { Service } from "../../service.ts";
import { mayUse } from "./caller.ts";
import { acceptedAnswer } from "./deployments.ts";
import { presentHold } from "./hold.ts";
import { isoTime, presentDeployment } from "./present.ts";
import { type ApiRoute, defineRoute } from "./route.ts";
import { digestSchema, named, noQuery, reasonSchema, serviceSchema, tagSchema } from "./schemas.ts";
import { type ApiTools, serviceOf } from "./tools.ts";

const serviceAnswer = { status: 200, schema: serviceSchema } as const;
const servicesSchema = named("Services", z.object({ services: z.array(serviceSchema) }));
const deployRequest = named(
  "DeployRequest",
  z.strictObject({ tag: tagSchema, digest: digestSchema.optional() }),
);
const rollbackRequest = named(
  "RollbackRequest",
  z.strictObject({
    tag: tagSchema
      .optional()
      .describe(
        "a tag that was deployed before; without it, the release before the one that serves or is just being deployed",
      ),
  }),
);
const pauseRequest = named("PauseRequest", z.strictObject({ reason: reasonSchema.optional() }));
const freezeRequest = named(
  "FreezeRequest",
  z.strictObject({
    until: z
      .string()
      .max(64)
      .describe("an ISO 8601 time with its offset, or a duration such as 90m, 12h or 3d"),
    reason: reasonSchema.optional(),
  }),
);

export function serviceRoutes(tools: ApiTools): ApiRoute[] {
  const { operations } = tools;
  return [
    defineRoute({
      method: "GET",
      url: "/api/services",
      operation: "listServices",
      summary: "The services, what runs of each, and what comes next",
      scope: "read",
      query: noQuery,
      answer: { status: 200, schema: servicesSchema },
      handle({ caller }) {
        const services = [...tools.live.current.services.values()];
        const shown = services.filter(({ name }) => mayUse(caller, name));
        return { services: shown.map((service) => presentService(service, tools)) };
      },
    }),
    defineRoute({
      method: "GET",
      url: "/api/services/:service",
      operation: "getService",
      summary: "One service",
      scope: "read",
      query: noQuery,
      answer: serviceAnswer,
      errors: ["service_not_found"],
      handle: (call) => presentService(serviceOf(call, tools), tools),
    }),
    defineRoute({
      method: "POST",
      url: "/api/services/:service/deployments",
      operation: "deploy",
      summary: "Deploy a tag, also one that is older than what runs",
      scope: "deploy",
      query: noQuery,
      body: deployRequest,
      answer: acceptedAnswer,
      errors: ["service_not_found", "key_reused"],
      idempotent: true,
      async handle(call) {
        const { name } = serviceOf(call, tools);
        const { tag, digest } = call.body;
        return presentDeployment(
          await operations.deployTag(name, { tag, digest, key: call.idempotencyKey }, call.caller.name),
        );
      },
    }),
    defineRoute({
      method: "POST",
      url: "/api/services/:service/rollback",
      operation: "rollBack",
      summary: "Go back to the release before, or to a given one",
      scope: "deploy",
      query: noQuery,
      body: rollbackRequest,
      answer: acceptedAnswer,
      errors: ["service_not_found", "nothing_to_roll_back_to"],
      async handle(call) {
        const { name } = serviceOf(call, tools);
        return presentDeployment(await operations.rollBack(name, call.body.tag, call.caller.name));
      },
    }),
    ...holdRoutes(tools),
  ];
}

/** What keeps a service from being deployed for a while. */
function holdRoutes(tools: ApiTools): ApiRoute[] {
  const { operations } = tools;
  const common = { method: "POST", scope: "admin", query: noQuery, answer: serviceAnswer } as const;
  return [
    defineRoute({
      ...common,
      url: "/api/services/:service/pause",
      operation: "pause",
      summary: "Keep what comes in waiting, until the service is resumed",
      body: pauseRequest,
      errors: ["service_not_found"],
      async handle(call) {
        const service = serviceOf(call, tools);
        await operations.pause(service.name, call.body.reason ?? null, call.caller.name);
        return presentService(service, tools);
      },
    }),
    defineRoute({
      ...common,
      url: "/api/services/:service/resume",
      operation: "resume",
      summary: "End a pause",
      errors: ["service_not_found"],
      async handle(call) {
        const service = serviceOf(call, tools);
        await operations.resume(service.name, call.caller.name);
        return presentService(service, tools);
      },
    }),
    defineRoute({
      ...common,
      url: "/api/services/:service/freeze",
      operation: "freeze",
      summary: "Keep what comes in waiting until a time",
      body: freezeRequest,
      errors: ["service_not_found"],
      async handle(call) {
        const service = serviceOf(call, tools);
        const untilMs = readUntil(call.body.until, Date.now());
        await operations.freeze(service.name, untilMs, call.body.reason ?? null, call.caller.name);
        return presentService(service, tools);
      },
    }),
    defineRoute({
      ...common,
      url: "/api/services/:service/unfreeze",
      operation: "unfreeze",
      summary: "End a freeze",
      errors: ["service_not_found"],
      async handle(call) {
        const service = serviceOf(call, tools);
        await operations.unfreeze(service.name, call.caller.name);
        return presentService(service, tools);
      },
    }),
  ];
}

const longestFreezeMs = 366 * 24 * 3_600_000;
const isoTimePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/;

/** A time that is over already is a mistake, and one that is years away a misspelt year. */
export function readUntil(until: string, nowMs: number): number {
  const durationMs = parseDuration(until);
  const untilMs =
    durationMs !== undefined
      ? nowMs + durationMs
      : isoTimePattern.test(until)
        ? Date.parse(until)
        : Number.NaN;
  if (Number.isNaN(untilMs))
    throw new HttpError(
      "invalid_body",
      "until is neither a duration such as 12h nor a time such as 2026-12-24T18:00:00Z",
    );
  if (untilMs <= nowMs) throw new HttpError("invalid_body", "until is not in the future");
  if (untilMs - nowMs > longestFreezeMs)
    throw new HttpError("invalid_body", "until is more than a year away; pause the service instead");
  return untilMs;
}

function presentService(
  { name, image, target }: Service,
  { store }: ApiTools,
): z.input<typeof serviceSchema> {
  const good = store.lastSucceeded(name);
  const last = store.lastBegun(name);
  const next = store.nextWaiting(name);
  return {
    name,
    image: image.text,
    target: target.name,
    ...presentHold(store.serviceState(name), Date.now()),
    release: good
      ? {
          tag: good.tag,
          digest: good.digest,
          deployment: good.id,
          since: isoTime(good.finishedAtMs ?? good.acceptedAtMs),
        }
      : null,
    last: last ? presentDeployment(last) : null,
    next: next ? presentDeployment(next) : null,
  };
}
