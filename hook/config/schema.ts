import { z } from "zod";
import { parseImageName } from "../image-name.ts";
import { targets } from "../target/index.ts";
import type { Fields, SecretRule } from "./fields.ts";

export const scopes = ["read", "deploy", "admin"] as const;

export type Scope = (typeof scopes)[number];

const minimumSecretLength = 16;
/** Longer ones would not fit the router's limit for a part of a path (`maxParamLength` in app.ts). */
const maximumSecretLength = 256;

const isLongEnough: SecretRule = (secret) => {
  if (secret.length < minimumSecretLength) {
    return `has ${secret.length} characters; a secret needs at least ${minimumSecretLength} (try: openssl rand -hex 24)`;
  }
  return secret.length > maximumSecretLength ? `is longer than ${maximumSecretLength} characters` : undefined;
};

/** What RFC 3986 section 3.3 lets stand in a path segment as it is, so that the URL can be pasted anywhere. */
const fitsIntoUrl: SecretRule = (secret) =>
  /^[A-Za-z0-9._~!$&'()*+,;=:@-]*$/.test(secret)
    ? isLongEnough(secret)
    : "has characters that do not fit into a URL as they are; use letters, digits, - and _";

const imageField = z
  .string()
  .transform((text, context) => {
    const parsed = parseImageName(text);
    if ("name" in parsed) return parsed.name;
    context.addIssue({ code: "custom", message: parsed.problem });
    return z.NEVER;
  })
  .describe("the only image repository this service accepts, such as stut/blog");

const tagsField = z
  .string()
  .transform((source, context) => {
    try {
      return new RegExp(source);
    } catch (error) {
      // "Invalid regular expression: /(/: Unterminated group" says the pattern again, which the file shows anyway.
      const detail = /: ([^:]+)$/.exec((error as Error).message)?.[1] ?? "invalid";
      context.addIssue({ code: "custom", message: `not a regular expression (${detail.toLowerCase()})` });
      return z.NEVER;
    }
  })
  .describe("a regular expression that a tag must match, such as '^release-\\d{14}$'");

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

const serviceName = /^[a-z0-9][a-z0-9._-]{0,62}$/;

function servicesSchema(fields: Fields) {
  const service = z.strictObject({
    image: imageField,
    secret: fields.secret("the last part of this service's webhook URL", fitsIntoUrl),
    tags: tagsField.optional(),
    target: targetSchema(fields),
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

function apiSchema(fields: Fields) {
  const token = z.strictObject({
    name: z.string().min(1, "is empty").describe("who uses this token, for the log"),
    token: fields.secret("the bearer token", isLongEnough),
    scopes: z
      .array(z.enum(scopes))
      .min(1, "must have at least one scope")
      .describe(`some of ${scopes.join(", ")}`),
  });
  return z.strictObject({ tokens: z.array(token).describe("a list of { name, token, scopes }") });
}

function deploymentsSchema(fields: Fields) {
  return z.strictObject({
    parallel: z.int().min(1).max(64).default(4).describe("how many services deploy at the same time"),
    // 8 s is inside the 10 s that `docker stop` waits before it kills.
    grace: fields.duration("how long a stopping hook waits for what is running", {
      default: "8s",
      minimum: "0s",
      maximum: "1h",
    }),
  });
}

/** The shape of the config file. Unknown keys are errors everywhere. */
export function configSchema(fields: Fields) {
  return z.strictObject({
    listen: listenField.default({ host: "127.0.0.1", port: 4500 }),
    store: fields.path("the SQLite file that keeps the deployments, such as ./hook.db"),
    api: apiSchema(fields).optional(),
    deployments: deploymentsSchema(fields).prefault({}),
    services: servicesSchema(fields),
  });
}
