import { z } from "zod";
import type { Fields } from "../../config/fields.ts";
import { halfLogin, isOneLogin, isWholeLogin, twoLogins } from "../../config/login.ts";
import { defaultEngineAddress } from "../../engine-api/address.ts";
import { resolveEngine } from "../../engine-api/engine-option.ts";
import { tlsSchema } from "../../http/tls.ts";

export type DockerOptions = z.output<ReturnType<typeof dockerSchema>>;

const containerName = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/, "not a container's name")
  .max(200, "longer than 200 characters");

export function dockerSchema(fields: Fields) {
  return z
    .strictObject({
      engine: z
        .string()
        .default(defaultEngineAddress)
        .describe("the Engine's API: unix:///path.sock, tcp://host:port or a URL"),
      tls: tlsSchema(fields).optional(),
      container: z
        .union(
          [containerName, z.array(containerName).min(1)],
          "must be a container's name, or a list of them",
        )
        .transform((given) => [...new Set([given].flat())])
        .optional()
        .describe("the name of the container to replace, or a list of names"),
      label: z
        .string()
        .regex(/^[^\s=,]+(?:=[^\0\r\n]*)?$/, "must be a label, or label=value")
        .optional()
        .describe("the label of the containers to replace, such as site=blog"),
      order: z
        .enum(["auto", "start-first", "stop-first"])
        .default("auto")
        .describe(
          "whether the new container runs before the old one is stopped: auto, start-first, stop-first",
        ),
      pull: z
        .enum(["always", "missing", "never"])
        .default("always")
        .describe("when a tag is pulled: always, missing (when the Engine does not have it) or never"),
      dockerConfig: fields.path("a Docker config.json with a login for the registry").optional(),
      username: z.string().min(1, "is empty").optional().describe("who may pull the image"),
      password: fields.secret("the password or access token of `username`").optional(),
      health: healthField(fields).prefault({}),
      overlap: fields.duration("how long both containers run before the old one is stopped", {
        default: "2s",
        minimum: "0s",
        maximum: "10m",
      }),
      stopTimeout: fields
        .duration("how long a container may take to end after its stop signal", {
          default: "10s",
          minimum: "0s",
          maximum: "1h",
        })
        .removeDefault()
        .optional(),
      keep: z
        .int()
        .min(0)
        .max(100)
        .default(1)
        .describe("how many replaced containers are kept, stopped, to go back to at once"),
      anonymousVolumes: z
        .enum(["keep", "renew"])
        .default("keep")
        .describe("whether a new container gets the old one's volumes without a name: keep or renew"),
      autoRemove: z
        .boolean()
        .default(false)
        .describe("replace containers of `docker run --rm` too, which cannot be gone back to"),
      timeout: fields.duration("how long a deployment may take, with its pull", {
        default: "10m",
        minimum: "5s",
        maximum: "24h",
      }),
    })
    .refine(
      ({ container, label }) => container === undefined || label === undefined,
      "has a container and a label: keep one",
    )
    .refine(isWholeLogin, halfLogin)
    .refine(isOneLogin, twoLogins)
    .transform(resolveEngine);
}

function healthField(fields: Fields) {
  return z
    .strictObject({
      timeout: fields.duration("how long a new container may take until it is healthy", {
        default: "1m",
        minimum: "100ms",
        maximum: "1h",
      }),
      stable: fields.duration("how long one without a health check has to run", {
        default: "5s",
        minimum: "100ms",
        maximum: "10m",
      }),
      probe: probeField(fields).optional(),
    })
    .describe("how to find out that a new container is healthy");
}

const statusNumber = z.int().min(100).max(599);

function probeField(fields: Fields) {
  return z
    .strictObject({
      port: z.int().min(1).max(65535).describe("the port inside the container"),
      path: z
        .string()
        .regex(/^\/[^\s#]*$/, "must begin with a slash")
        .default("/")
        .describe("the path to ask for"),
      scheme: z.enum(["http", "https"]).default("http").describe("http or https"),
      network: z.string().min(1).optional().describe("the network in which the container is asked"),
      status: z
        .union([statusNumber, z.array(statusNumber).min(1)])
        .optional()
        .transform((given) =>
          given === undefined ? [[200, 299] as const] : [given].flat().map((one) => [one, one] as const),
        )
        .describe("the status that is good, or a list; 200 to 299 when left out"),
      every: fields.duration("how long to wait between two requests", {
        default: "500ms",
        minimum: "10ms",
        maximum: "1m",
      }),
      answer: fields.duration("how long one answer may take", {
        default: "5s",
        minimum: "10ms",
        maximum: "1m",
      }),
      tls: tlsSchema(fields).optional(),
    })
    .describe("an HTTP request to the new container");
}
