import type { IncomingHttpHeaders } from "node:http";
import type { Trigger } from "../trigger.ts";

/** An authentic webhook: its URL's secret has been checked, its body has been parsed. */
export interface WebhookRequest {
  headers: IncomingHttpHeaders;
  query: Readonly<Record<string, unknown>>;
  /** The parsed JSON. */
  body: unknown;
  /** The bytes as they came: a signature is made over these, never over the parsed form. */
  raw: Buffer;
}

export type Reading =
  | { kind: "triggers"; triggers: readonly [Trigger, ...Trigger[]] }
  /** Authentic, but asks for nothing: senders must get a 2xx for it, or they switch the webhook off. */
  | { kind: "ignored"; reason: string }
  | { kind: "malformed"; problem: string };

/** One sender of webhooks. Registered in `source/index.ts`. */
export interface Source {
  name: string;
  /** Whether headers and body have this sender's form. */
  recognises(request: WebhookRequest): boolean;
  read(request: WebhookRequest): Reading;
}
