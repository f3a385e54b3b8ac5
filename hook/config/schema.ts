import { z } from "zod";
import { parseImageName } from "../../oci/reference.ts";
import { limitsSchema } from "../accept/limits.ts";
import { releasePolicyShape } from "../accept/release-policy.ts";
import { dashboardSchema } from "../dashboard/setting.ts";
import { deployShape } from "../deploy/setting.ts";
import { combineTargets } from "../deploy/several-targets.ts";
import { proxiesField } from "../http/proxies.ts";
import { isJsonObject } from "../json.ts";
import { notifiersSchema } from "../notify/index.ts";
import { apiSchema, metricsSchema } from "../routes/api/token.ts";
import { webhookSchema } from "../source/index.ts";
import { targets } from "../target/index.ts";
import type { TargetSetting } from "../target/target.ts";
import type { Fields } from "./fields.ts";
import { patternField } from "./pattern.ts";
import { describeVariants } from "./schema-walk.ts";
import { fitsIntoUrl } from "./secret-rules.ts";
import { urlSecretsSchema } from "./url-secret.ts";

const imageField = z
  .string()
  .transform((text, context) => {
    const parsed = parseImageName(text);
    if ("name" in parsed) return parsed.name;
    context.addIssue({ code: "custom", message: parsed.problem });
    return z.NEVER;
  })
  .describe("the only image repository this service accepts, such as stut/blog");

const tagsField = patternField("a regular expression that a tag must match, such as '^release-\\d{14}$'");

const listenField = z
  .string()
  .transform((text, context) => {
    const parts = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]*):(\d{1,5})$/.exec(text);
    const port = Number(parts?.[2]);
    if (parts !== null && port <= 65535) return { host: (parts[1] || "::").replace(/^\[|\]$/g, ""), port };
    context.addIssue({ code: "custom", message: "must be host:port, such as 127.0.0.1:4500 or :4500" });
    return z.NEVER;
  })
  .describe("the address to listen on, such as 127.0.0.1:4500");

function targetSchema(fields: Fields) {
  const names = targets.map(({ name }) => name);
  const oneOf = `exactly one of ${names.join(", ")}`;
  const shape = Object.fromEntries(targets.map((target) => [target.name, target.schema(fields).optional()]));
  return z
    .strictObject(shape)
    .transform((chosen, context) => {
      const [create, ...more] = Object.values(chosen).filter((value) => value !== undefined);
      if (create !== undefined && more.length === 0) return create;
      context.addIssue({ code: "custom", message: `must have ${oneOf}` });
      return z.NEVER;
    })
    .describe(`where to deploy to, ${oneOf}`);
}

/** Each as if it stood alone: a problem is one of that target, at its place. */
function targetsSchema(fields: Fields) {
  const one = targetSchema(fields);
  const list = z.array(one).min(2, "needs two targets or more");
  const all = z.strictObject({ all: list });
  return z
    .unknown()
    .meta(describeVariants([one, all, list]))
    .transform((given, context) => {
      const isAtOnce = isJsonObject(given) && "all" in given;
      const parsed = Array.isArray(given)
        ? list.safeParse(given)
        : isAtOnce
          ? all.safeParse(given)
          : one.safeParse(given);
      if (!parsed.success) {
        for (const issue of parsed.error.issues) context.issues.push({ ...issue, input: given } as never);
        return z.NEVER;
      }
      const { data } = parsed;
      if (typeof data === "function") return data;
      const creators = "all" in data ? data.all : data;
      return (setting: TargetSetting) =>
        combineTargets(
          creators.map((create) => create(setting)),
          isAtOnce ? "at-once" : "in-order",
        );
    })
    .describe("where to deploy to: a target, a list of them in order, or { all: [...] } at once");
}

const serviceName = /^[a-z0-9][a-z0-9._-]{0,62}$/;

function servicesSchema(fields: Fields) {
  const service = z.strictObject({
    image: imageField,
    secret: urlSecretsSchema(fields, fitsIntoUrl),
    aliases: z.array(imageField).max(20).default([]).describe("other names by which senders call the image"),
    tags: tagsField.optional(),
    ...releasePolicyShape(fields),
    ...deployShape(fields),
    webhook: webhookSchema(fields).optional(),
    // A machine without any engine needs none to be deployed to.
    target: targetsSchema(fields).prefault({ directory: {} }),
    notify: z
      .array(z.string())
      .optional()
      .describe("the notifiers that are told of this service; all, when left out"),
  });
  return z
    .record(
      z
        .string()
        .regex(serviceName, "a service's name has small letters, digits, . _ and -, at most 63 of them"),
      service,
    )
    .refine((services) => Object.keys(services).length > 0, "must name at least one service")
    .describe("the services to deploy, by name");
}

const publicUrlField = z
  .string()
  .refine((text) => {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username;
  }, "must be an http or https URL, such as https://hook.example.org")
  .transform((text) => text.replace(/\/+$/, ""))
  .describe("where people reach the hook, for links in notifications");

function deploymentsSchema(fields: Fields) {
  return z.strictObject({
    parallel: z.int().min(1).max(64).default(4).describe("how many services deploy at the same time"),
    // 8 s is inside the 10 s that `docker stop` waits before it kills.
    grace: fields.duration("how long a stopping hook waits for what is running", {
      default: "8s",
      minimum: "0s",
      maximum: "1h",
    }),
    keep: fields.duration("how long deployments, their logs and the audit log are kept", {
      default: "365d",
      minimum: "1d",
      maximum: "3650d",
    }),
  });
}

/** The shape of the config file. Unknown keys are errors everywhere. */
export function configSchema(fields: Fields) {
  return z.strictObject({
    listen: listenField.default({ host: "127.0.0.1", port: 4500 }),
    store: fields.path("the SQLite file that keeps the deployments, such as ./hook.db"),
    api: apiSchema(fields).optional(),
    metrics: metricsSchema(fields).optional(),
    trustedProxies: proxiesField.prefault([]),
    limits: limitsSchema.prefault({}),
    deployments: deploymentsSchema(fields).prefault({}),
    publicUrl: publicUrlField.optional(),
    dashboard: dashboardSchema(fields).prefault({}),
    notifiers: notifiersSchema(fields).prefault({}),
    services: servicesSchema(fields),
  });
}
