import { z } from "zod";
import { describeSteps, plainDelivery, rehearsalResults, rehearse } from "../../accept/rehearsal.ts";
import { unknownSecret } from "../../accept/webhook-url.ts";
import { HttpError } from "../../http/errors.ts";
import { newSecret } from "../../secret/secret.ts";
import { hashSecret } from "../../secret/secret-hash.ts";
import { needsVerifying } from "../../source/setting.ts";
import type { Deployment } from "../../store/deployment.ts";
import { type ApiRoute, defineRoute } from "./route.ts";
import { digestSchema, named, noQuery, tagSchema } from "./schemas.ts";
import { type ApiTools, serviceOf } from "./tools.ts";

export const setUpSchema = named(
  "ServiceSetUp",
  z.object({
    publicUrl: z.string().nullable().describe("where people reach the hook, when the config says so"),
    path: z
      .string()
      .describe(
        `after the hook's address; it ends in ${unknownSecret}, as only a hash of the secret is kept`,
      ),
    secrets: z.int().describe("how many secrets are good: two while a sender is being changed"),
    source: z.string().nullable().describe("the only sender whose webhooks are taken"),
    isSigned: z.boolean().describe("whether a webhook has to be signed as well"),
    tags: z.string().describe("the pattern that a tag has to match"),
    image: z.string(),
    steps: z.array(z.string()).describe("what a deployment does, in its order"),
    rollsBackTo: z
      .object({ tag: z.string(), digest: z.string().nullable(), deployment: z.int() })
      .nullable()
      .describe(
        "the release that a rollback without a tag brings again; while another one is under way, the one that serves before it",
      ),
  }),
);
export const newSecretSchema = named(
  "NewSecret",
  z.object({
    secret: z.string(),
    path: z.string().describe("of the webhook's URL, with the secret"),
    config: z.string().describe("what the config needs of it, which does not give it away"),
  }),
);
const configSchema = named(
  "ServiceConfig",
  z.object({ file: z.string(), yaml: z.string().describe("as it is in the file, secrets masked") }),
);
const testRequest = named(
  "TestDelivery",
  z.strictObject({
    tag: tagSchema.optional(),
    digest: digestSchema.optional(),
    payload: z.string().max(500_000).optional().describe("instead of a tag: a sender's body as it is"),
    headers: z
      .record(z.string().regex(/^[\w-]{1,100}$/), z.string().max(1000))
      .default({})
      .describe("of the sender, such as { x-github-event: package }"),
  }),
);
export const testAnswer = named(
  "TestResult",
  z.object({
    result: z.enum(rehearsalResults),
    source: z.string().describe("the sender that it is taken for"),
    findings: z.array(z.string()).describe("one for each image that it brings, or why there is none"),
    steps: z.array(z.string()).describe("what a deployment would do"),
  }),
);

/** What connects a service with whoever sends its webhooks. */
export function setUpRoutes(tools: ApiTools): ApiRoute[] {
  return [
    defineRoute({
      method: "GET",
      url: "/api/services/:service/set-up",
      operation: "getSetUp",
      summary: "Where a service's webhooks are sent to, which are taken, what a deployment and a rollback do",
      scope: "read",
      query: noQuery,
      answer: { status: 200, schema: setUpSchema },
      errors: ["service_not_found"],
      handle(call) {
        const service = serviceOf(call, tools);
        const { name, secrets, webhook, tags, image } = service;
        return {
          publicUrl: tools.live.current.publicUrl ?? null,
          path: `/hooks/${name}/${unknownSecret}`,
          secrets: secrets.length,
          source: webhook.source ?? null,
          isSigned: needsVerifying(webhook),
          tags: tags.source,
          image: image.text,
          steps: describeSteps(service),
          rollsBackTo: presentRelease(tools.operations.previousRelease(name)),
        };
      },
    }),
    defineRoute({
      method: "POST",
      url: "/api/services/:service/new-secret",
      operation: "makeSecret",
      summary:
        "Make a secret for a service's webhook URL: it is shown once, and good once the config has its hash",
      scope: "admin",
      query: noQuery,
      answer: { status: 200, schema: newSecretSchema },
      errors: ["service_not_found"],
      handle(call) {
        const { name } = serviceOf(call, tools);
        const secret = newSecret();
        const config = `{ sha256: ${hashSecret(secret).toString("hex")} }`;
        return { secret, path: `/hooks/${name}/${secret}`, config };
      },
    }),
    defineRoute({
      method: "GET",
      url: "/api/services/:service/config",
      operation: "getConfig",
      summary: "What the config says about a service, as it was loaded, its secrets masked",
      scope: "admin",
      query: noQuery,
      answer: { status: 200, schema: configSchema },
      errors: ["service_not_found"],
      handle(call) {
        const { name } = serviceOf(call, tools);
        const { file, shown } = tools.live.current;
        return { file, yaml: shown.get(name) ?? "" };
      },
    }),
    defineRoute({
      method: "POST",
      url: "/api/services/:service/test-delivery",
      operation: "testDelivery",
      summary: "Say what would become of a webhook; nothing is deployed, and nothing stored",
      scope: "deploy",
      query: noQuery,
      body: testRequest,
      answer: { status: 200, schema: testAnswer },
      errors: ["service_not_found"],
      async handle(call) {
        const service = serviceOf(call, tools);
        const { tag, digest, payload, headers } = call.body;
        if (tag === undefined && payload === undefined)
          throw new HttpError("invalid_body", "give a tag or a payload");
        const delivery =
          payload === undefined
            ? plainDelivery(service, { tag: tag ?? "", digest })
            : { service, received: receivedOf(payload, headers) };
        return rehearse(delivery.service, delivery.received, tools.store, Date.now());
      },
    }),
  ];
}

function presentRelease(good: Deployment | undefined) {
  return good === undefined ? null : { tag: good.tag, digest: good.digest, deployment: good.id };
}

/** Node gives headers in small letters. */
function receivedOf(payload: string, headers: Readonly<Record<string, string>>) {
  const given = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]);
  return {
    headers: { "content-type": "application/json", ...Object.fromEntries(given) },
    query: {},
    raw: Buffer.from(payload),
  };
}
