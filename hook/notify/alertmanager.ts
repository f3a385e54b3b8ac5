import { z } from "zod";
import type { Fields } from "../config/fields.ts";
import { halfLogin, isWholeLogin } from "../config/login.ts";
import { explainConnectionError } from "../http/connection-error.ts";
import { type OutgoingRequest, sendRequest } from "../http/http-request.ts";
import { tlsSchema } from "../http/tls.ts";
import type { CheckContext, CheckResult } from "../target/target.ts";
import { type DeploymentEvent, isBad } from "./event.ts";
import { composeMessage, type Wording, wordingFields } from "./message.ts";
import type { NotifierKind, NotifierSetting, SendContext, SendResult } from "./notifier.ts";
import { post } from "./post.ts";
import { isHttpUrl } from "./url.ts";

type Options = z.output<ReturnType<typeof schema>>;

/** Raises an alert when a deployment fails, and resolves it when the service is deployed again. */
export const alertmanager: NotifierKind<Options> = {
  name: "alertmanager",
  // Of a wait for approval nobody would tell the end.
  events: ["failed", "rolled-back", "recovered"],
  defaultEvents: ["failed", "rolled-back", "recovered"],
  neededEvents: ["recovered"],
  schema,
  create,
};

const alertName = "StatigoDeploymentFailed";
const labelName = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, "not a label's name");

function schema(fields: Fields) {
  return z
    .strictObject({
      url: fields.secret("Alertmanager's address", isHttpUrl("http://127.0.0.1:9093")),
      username: z.string().min(1).optional().describe("for basic authentication"),
      password: fields.secret("for basic authentication").optional(),
      token: fields.secret("a bearer token").optional(),
      labels: z
        .record(
          labelName.refine((name) => !["alertname", "service"].includes(name), "is set by the hook itself"),
          z.string().min(1),
        )
        .default({})
        .describe("more labels for its routes, such as severity: warning"),
      // Without an end, Alertmanager takes an alert that is not sent again for resolved after 5 minutes.
      holdFor: fields.duration("how long an alert lasts when no deployment ends it", {
        default: "168h",
        minimum: "5m",
        maximum: "8760h",
      }),
      tls: tlsSchema(fields).optional(),
      ...wordingFields(fields),
    })
    .refine(isWholeLogin, halfLogin)
    .refine(
      ({ username, token }) => username === undefined || token === undefined,
      "must have one of token and username, not both",
    );
}

function create(options: Options, { deploymentsUrl }: NotifierSetting) {
  const { tls, holdFor } = options;
  const headers = authorize(options);
  const advice = "check the address and the credentials of the notifier";
  return {
    send(event: DeploymentEvent, { signal }: SendContext): Promise<SendResult> {
      const alert = buildAlert(event, { ...options, holdForMs: holdFor }, deploymentsUrl);
      const request = { url: below(options.url, "api/v2/alerts"), headers, tls, signal };
      return post({ ...request, body: JSON.stringify([alert]), receiver: "Alertmanager", advice });
    },
    check: ({ signal }: CheckContext) =>
      askWhetherReady({ method: "GET", url: below(options.url, "-/ready"), headers, tls, signal }),
  };
}

/** Alertmanager may be served below a path (`--web.route-prefix`). */
function below(address: string, path: string): URL {
  const url = new URL(address);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/${path}`;
  return url;
}

function authorize({ username, password, token }: Options): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (username === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` };
}

export interface AlertOptions extends Wording {
  labels: Readonly<Record<string, string>>;
  holdForMs: number;
}

/** The labels are the alert's identity: a success has the same ones as the failure that it resolves. */
export function buildAlert(
  event: DeploymentEvent,
  { labels, holdForMs, ...wording }: AlertOptions,
  deploymentsUrl: string | undefined,
): object {
  const { title, text, url } = composeMessage(event, wording, deploymentsUrl);
  const { id, service, tag, image } = event.deployment;
  const isFiring = isBad(event);
  return {
    labels: { ...labels, alertname: alertName, service },
    annotations: { summary: title, description: text, deployment: String(id), tag, image },
    ...(isFiring && { startsAt: new Date(event.atMs).toISOString() }),
    endsAt: new Date(event.atMs + (isFiring ? holdForMs : 0)).toISOString(),
    ...(url !== undefined && { generatorURL: url }),
  };
}

async function askWhetherReady(request: OutgoingRequest): Promise<CheckResult> {
  const { origin } = request.url;
  try {
    const { status } = await sendRequest(request);
    if (status === 200) return { ok: true, detail: `Alertmanager at ${origin} is ready` };
    return { ok: false, problem: `Alertmanager at ${origin} answered ${status} to ${request.url.pathname}` };
  } catch (error) {
    if (request.signal.aborted)
      return { ok: false, problem: `Alertmanager at ${origin} did not answer in time` };
    return { ok: false, problem: explainConnectionError(error, "Alertmanager", origin, request.tls) };
  }
}
