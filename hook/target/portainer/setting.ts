import { z } from "zod";
import type { Fields } from "../../config/fields.ts";
import { tlsSchema } from "../../http/tls.ts";
import { findContradiction, servicesShape } from "../swarm/setting.ts";

export type PortainerOptions = z.output<ReturnType<typeof portainerSchema>>;

export function portainerSchema(fields: Fields) {
  return z
    .strictObject({
      serviceWebhook: webhookField(fields, "api/webhooks", "a Swarm service's webhook URL").optional(),
      stackWebhook: webhookField(fields, "api/stacks/webhooks", "a git stack's webhook URL").optional(),
      url: urlField.optional(),
      apiKey: fields.secret("one of Portainer's access tokens").optional(),
      endpoint: z.int().min(1).optional().describe("the number of Portainer's environment"),
      ...servicesShape(fields),
      force: z
        .boolean()
        .default(false)
        .describe("leave the service's tag as it is, and have Portainer pull it again"),
      registry: z
        .int()
        .min(0)
        .optional()
        .describe("the number of the registry in Portainer whose login the nodes get"),
      stack: z
        .union([z.int().min(1), z.string().min(1, "is empty")])
        .transform(String)
        .optional()
        .describe("the stack to update, by name or number"),
      variable: z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "not an environment variable's name")
        .optional()
        .describe("the environment variable of the stack that has the tag"),
      tls: tlsSchema(fields).optional(),
      timeout: fields
        .duration("how long Portainer may take, or the services to come to a release", {
          default: "5m",
          minimum: "1s",
          maximum: "24h",
        })
        .removeDefault()
        .optional(),
    })
    .superRefine((options, context) => {
      const problem = findProblem(options) ?? findContradiction(options);
      if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
    });
}

const urlField = z
  .string()
  .refine((text) => {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) && !url.search && !url.hash && !url.username;
  }, "must be an http or https URL, such as https://portainer.lan")
  .transform((text) => new URL(text.endsWith("/") ? text : `${text}/`))
  .describe("where Portainer is, such as https://portainer.lan");

/** Whoever has the URL can deploy with it, so it may be written like a secret. */
function webhookField(fields: Fields, path: string, description: string) {
  return fields.secret(description, (text) => {
    const url = URL.parse(text);
    if (url === null || !/^https?:$/.test(url.protocol))
      return "must be an http or https URL, as Portainer shows it";
    const hasPath = new RegExp(`/${path}/[^/]+$`).test(url.pathname);
    return hasPath ? undefined : `must be the URL that Portainer shows, which has /${path}/ in it`;
  });
}

interface Combination {
  serviceWebhook?: string | undefined;
  stackWebhook?: string | undefined;
  url?: URL | undefined;
  apiKey?: string | undefined;
  endpoint?: number | undefined;
  service?: readonly string[] | undefined;
  label?: string | undefined;
  force: boolean;
  stack?: string | undefined;
  variable?: string | undefined;
}

function findProblem(options: Combination): string | undefined {
  const { serviceWebhook, stackWebhook, url, apiKey, endpoint, service, label, force, stack, variable } =
    options;
  const ways = [serviceWebhook, stackWebhook, url].filter((one) => one !== undefined);
  if (ways.length !== 1) return "must have exactly one of serviceWebhook, stackWebhook, url";
  const needsKey =
    [apiKey, endpoint, service, label, stack, variable].some((one) => one !== undefined) || force;
  if (url === undefined)
    return needsKey ? "a webhook stands alone: with an API key, write url instead" : undefined;
  if (apiKey === undefined || endpoint === undefined) return "url, apiKey and endpoint go together";
  if ((stack === undefined) !== (variable === undefined)) return "stack and variable go together";
  const hasServices = service !== undefined || label !== undefined;
  if (hasServices === (stack !== undefined)) return "must have exactly one of service, label, stack";
  return force && stack !== undefined ? "force is for services" : undefined;
}
