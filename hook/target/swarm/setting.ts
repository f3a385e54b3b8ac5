import { z } from "zod";
import type { Fields } from "../../config/fields.ts";
import { halfLogin, isOneLogin, isWholeLogin, twoLogins } from "../../config/login.ts";
import { defaultEngineAddress } from "../../engine-api/address.ts";
import { resolveEngine } from "../../engine-api/engine-option.ts";
import { tlsSchema } from "../../http/tls.ts";
import type { SwarmPlan } from "./plan.ts";

export type SwarmOptions = z.output<ReturnType<typeof swarmSchema>>;

const serviceName = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/, "not a service's name")
  .max(200, "longer than 200 characters");

/** Which services, and how they are rolled: the same whether the Engine is reached directly or through Portainer. */
export function servicesShape(fields: Fields) {
  return {
    service: z
      .union([serviceName, z.array(serviceName).min(1)], "must be a service's name, or a list of them")
      .transform((given) => [...new Set([given].flat())])
      .optional()
      .describe("the name of the service to update, or a list of names"),
    label: z
      .string()
      .regex(/^[^\s=,]+(?:=[^\0\r\n]*)?$/, "must be a label, or label=value")
      .optional()
      .describe("the label of the services to update, such as site=blog"),
    order: z
      .enum(["auto", "start-first", "stop-first", "spec"])
      .default("auto")
      .describe("how tasks are replaced: auto, start-first, stop-first, or spec for the service's own way"),
    monitor: fields.duration("how long a task that has become healthy is watched before the next", {
      default: "5s",
      minimum: "0s",
      maximum: "1h",
    }),
    together: z.boolean().default(false).describe("update several services at once instead of in turn"),
    pin: z.boolean().default(true).describe("have the registry asked for the tag's digest, and pin it"),
    username: z.string().min(1, "is empty").optional().describe("who may pull the image"),
    password: fields.secret("the password or access token of `username`").optional(),
    dockerConfig: fields.path("a Docker config.json with a login for the registry").optional(),
  };
}

type ServicesData = z.output<z.ZodObject<ReturnType<typeof servicesShape>>>;

/** What is wrong with the combination, or `undefined`. */
export function findContradiction(
  data: Pick<ServicesData, "service" | "label" | "username" | "password" | "dockerConfig">,
): string | undefined {
  if (data.service !== undefined && data.label !== undefined) return "has a service and a label: keep one";
  if (!isWholeLogin(data)) return halfLogin;
  return isOneLogin(data) ? undefined : twoLogins;
}

export function planPartsOf({
  service,
  label,
  order,
  monitor,
  together,
  pin,
}: ServicesData): Pick<SwarmPlan, "selector" | "order" | "monitorMs" | "isTogether" | "isPinned"> {
  return {
    selector:
      service !== undefined
        ? { kind: "names", names: service }
        : label !== undefined
          ? { kind: "label", label }
          : { kind: "image" },
    order,
    monitorMs: monitor,
    isTogether: together,
    isPinned: pin,
  };
}

export function swarmSchema(fields: Fields) {
  return z
    .strictObject({
      engine: z
        .string()
        .default(defaultEngineAddress)
        .describe("a manager's API: unix:///path.sock, tcp://host:port or a URL"),
      tls: tlsSchema(fields).optional(),
      ...servicesShape(fields),
      timeout: fields.duration("how long the services may take to come to a release", {
        default: "5m",
        minimum: "5s",
        maximum: "24h",
      }),
    })
    .superRefine((options, context) => {
      const problem = findContradiction(options);
      if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
    })
    .transform(resolveEngine);
}
