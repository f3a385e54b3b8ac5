import type { IncomingHttpHeaders } from "node:http";
import type { ErrorCode } from "./errors.ts";
import { findObjection, type Service } from "./service.ts";
import { parseBody } from "./source/body.ts";
import { findSource } from "./source/index.ts";
import type { Trigger } from "./trigger.ts";

/** What is to be done with an authentic webhook. */
export type Verdict =
  | { kind: "wanted"; source: string; triggers: readonly Trigger[] }
  | { kind: "ignored"; source: string; reason: string }
  | { kind: "rejected"; source: string; code: ErrorCode; detail?: string };

export interface ReceivedWebhook {
  headers: IncomingHttpHeaders;
  query: Readonly<Record<string, unknown>>;
  raw: Buffer;
}

export function judgeWebhook(service: Service, { headers, query, raw }: ReceivedWebhook): Verdict {
  const parsed = parseBody(raw, headers["content-type"] ?? "");
  if ("problem" in parsed) {
    return { kind: "rejected", source: "unknown", code: "malformed_body", detail: parsed.problem };
  }
  const request = { headers, query, raw, body: parsed.body };
  const source = findSource(request);
  if (source === undefined) return { kind: "rejected", source: "unknown", code: "unknown_webhook" };
  const reading = source.read(request);
  switch (reading.kind) {
    case "malformed":
      return { kind: "rejected", source: source.name, code: "malformed_webhook", detail: reading.problem };
    case "ignored":
      return { kind: "ignored", source: source.name, reason: reading.reason };
    case "triggers":
      return chooseTriggers(service, source.name, reading.triggers);
  }
}

/** One webhook may bring several triggers; those that the service wants are enough to accept it. */
function chooseTriggers(service: Service, source: string, triggers: readonly Trigger[]): Verdict {
  const objections = triggers.map((trigger) => findObjection(service, trigger));
  const wanted = triggers.filter((_, index) => objections[index] === undefined);
  if (wanted.length > 0) return { kind: "wanted", source, triggers: wanted };
  return { kind: "ignored", source, reason: objections[0] ?? "the webhook names no image" };
}
