import type { IncomingHttpHeaders } from "node:http";
import type { Trigger } from "../trigger.ts";
import type { WebhookSetting } from "./setting.ts";

/** A webhook whose URL secret has been checked, as it came. */
export interface ReceivedWebhook {
  headers: IncomingHttpHeaders;
  query: Readonly<Record<string, unknown>>;
  /** The bytes as they came: a signature is made over these, never over the parsed form. */
  raw: Buffer;
  /** POST when left out. */
  method?: string;
}

export interface WebhookRequest extends ReceivedWebhook {
  /**
   * The parsed JSON, `{}` for an empty body, a form's fields where it has no `payload`. `undefined` while a source is
   * looked for by headers alone, which happens before a body that has to be verified is parsed.
   */
  body: unknown;
}

export type Reading =
  | {
      kind: "triggers";
      triggers: readonly [Trigger, ...Trigger[]];
      /** The sender's own name for this delivery, the same when it is sent again. */
      deliveryId?: string;
      /** Where the sender wants to be told of the outcome: only an address that may be asked at all. */
      callbackUrl?: string;
    }
  /** Authentic, but asks for nothing: senders must get a 2xx for it, or they switch the webhook off. */
  | { kind: "ignored"; reason: string /** 200 for pings, which some senders want so. */; status?: 200 }
  | { kind: "malformed"; problem: string };

/** One sender of webhooks. Registered in `source/index.ts`. */
export interface Source {
  name: string;
  /** Whether headers and body have this sender's form: by headers alone where the sender has any of its own. */
  recognises(request: WebhookRequest): boolean;
  /**
   * Checks a signature or a token against the setting's keys, before the body is parsed. What is wrong, without
   * anything secret in it; `undefined` when all is well. A source that has this is known by its headers alone, or
   * has to be fixed in the config to be verified.
   */
  verify?(
    request: ReceivedWebhook,
    setting: WebhookSetting,
    nowMs: number,
  ): string | undefined | Promise<string | undefined>;
  read(request: WebhookRequest, setting: WebhookSetting): Reading;
}

/** Thrown by `verify` when it could not find out: the sender has to try again. */
export class VerifierUnavailable extends Error {}

export function ignored(reason: string): Reading {
  return { kind: "ignored", reason };
}

/** What a sender tries the webhook with before it uses it. */
export function answeredPing(): Reading {
  return { kind: "ignored", reason: "a ping", status: 200 };
}

export function malformed(problem: string): Reading {
  return { kind: "malformed", problem };
}

/** A header's value; Node joins or drops repeated ones, except for a few that come as lists. */
export function headerOf({ headers }: ReceivedWebhook, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
