import { z } from "zod";
import type { Fields, SecretRule } from "../config/fields.ts";
import { type TlsOptions, tlsSchema } from "../http/tls.ts";
import { parseSigningKey, signWebhook } from "../secret/standard-webhooks.ts";
import type { DeploymentEvent } from "./event.ts";
import { linkTo } from "./message.ts";
import type { NotifierKind, NotifierSetting, SendContext, SendResult } from "./notifier.ts";
import { post } from "./post.ts";
import { isHttpUrl } from "./url.ts";

type Options = z.output<ReturnType<typeof schema>>;

/** Posts JSON to any program, signed as the Standard Webhooks specification has it. */
export const webhook: NotifierKind<Options> = { name: "webhook", schema, create };

const isSigningKey: SecretRule = (text) =>
  parseSigningKey(text) === undefined
    ? "must be whsec_ and 24 to 64 bytes in base64 (try: statigo hook secret new --signing)"
    : undefined;

const headerName = /^[A-Za-z0-9-]{1,64}$/;
/** What the request is made of, and what is signed. */
const ownHeaders = /^(?:webhook-.*|content-.*|host|connection|transfer-encoding|upgrade|expect|te|trailer)$/i;

const isHeaderValue: SecretRule = (text) =>
  /^[\x20-\x7e]+$/.test(text) ? undefined : "has characters that cannot stand in a header";

function schema(fields: Fields) {
  const key = fields.secret("the key that receivers check the signature with", isSigningKey);
  return z.strictObject({
    url: fields.secret("where to post to", isHttpUrl("https://example.org/hooks/statigo")),
    signing: z
      .array(key)
      .min(1, "must have at least one key")
      .max(2, "must have at most two keys: the old one and the new one")
      .describe("the signing key, in a list; two while it is being changed"),
    headers: z
      .record(
        z
          .string()
          .regex(headerName, "not a header's name")
          .refine((name) => !ownHeaders.test(name), "is set by the hook itself"),
        fields.secret("the header's value", isHeaderValue),
      )
      .default({})
      .describe("more headers, such as authorization"),
    tls: tlsSchema(fields).optional(),
  });
}

function create({ url: address, signing, headers, tls }: Options, { deploymentsUrl }: NotifierSetting) {
  const url = new URL(address);
  const keys = signing.map((text) => parseSigningKey(text) ?? Buffer.alloc(0));
  return {
    send(event: DeploymentEvent, { signal, messageId }: SendContext): Promise<SendResult> {
      const body = JSON.stringify(buildWebhookBody(event, deploymentsUrl));
      const signed = signWebhook(messageId, Date.now(), body, keys);
      const request = { url, headers: { ...headers, ...signed }, body, signal };
      return post({ ...request, ...withTls(tls), receiver: "the webhook's receiver", advice });
    },
  };
}

const advice = "see what it has logged, and whether the URL and the signing key are the right ones";

function withTls(tls: TlsOptions | undefined): { tls?: TlsOptions } {
  return tls === undefined ? {} : { tls };
}

/** The specification's form: a type, a time, and what it is about. */
export function buildWebhookBody(told: DeploymentEvent, deploymentsUrl: string | undefined): object {
  const { event, atMs, deployment, previousTag } = told;
  const { acceptedAtMs, startedAtMs, finishedAtMs, ...rest } = deployment;
  return {
    type: `deployment.${event}`,
    timestamp: new Date(atMs).toISOString(),
    data: {
      ...rest,
      previousTag,
      acceptedAt: isoTime(acceptedAtMs),
      startedAt: isoTime(startedAtMs),
      finishedAt: isoTime(finishedAtMs),
      url: linkTo(told, deploymentsUrl) ?? null,
    },
  };
}

function isoTime(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}
