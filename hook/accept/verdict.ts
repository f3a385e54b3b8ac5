import type { ErrorCode } from "../http/errors.ts";
import { findObjection, type Service } from "../service.ts";
import { verifyAuthorization } from "../source/authorization.ts";
import { parseBody } from "../source/body.ts";
import { findSource, findVerifier } from "../source/index.ts";
import { explainUnknown } from "../source/plain.ts";
import { needsVerifying } from "../source/setting.ts";
import { type Reading, type ReceivedWebhook, type Source, VerifierUnavailable } from "../source/source.ts";
import type { Trigger } from "../trigger.ts";

/** What is to be done with a webhook whose URL's secret was right. */
export type Verdict =
  | {
      kind: "wanted";
      source: string;
      triggers: readonly Trigger[];
      deliveryId?: string;
      callbackUrl?: string;
    }
  | { kind: "ignored"; source: string; reason: string; status?: 200 }
  | { kind: "rejected"; source: string; code: ErrorCode; detail?: string };

/** The signature first, over the bytes as they came: nobody who could not make one gets a parser to work. */
export async function judgeWebhook(
  service: Service,
  received: ReceivedWebhook,
  nowMs: number,
): Promise<Verdict> {
  const setting = service.webhook;
  const verifier = needsVerifying(setting) ? findVerifier(received, setting) : undefined;
  const refusal = needsVerifying(setting) ? await verify(verifier, service, received, nowMs) : undefined;
  if (refusal !== undefined) return { kind: "rejected", source: verifier?.name ?? "unknown", ...refusal };
  return judgeAuthentic(service, received, verifier);
}

/** Of a webhook whose signature was right, or needs none. */
export function judgeAuthentic(service: Service, received: ReceivedWebhook, verifier?: Source): Verdict {
  const setting = service.webhook;
  const parsed = parseBody(received.raw, received.headers["content-type"] ?? "");
  if ("problem" in parsed)
    return { kind: "rejected", source: "unknown", code: "malformed_body", detail: parsed.problem };
  const request = { ...received, body: parsed.body };
  const source = verifier ?? findSource(request, setting);
  if (source === undefined)
    return { kind: "rejected", source: "unknown", code: "unknown_webhook", detail: explainUnknown(request) };
  return judgeReading(service, source, source.read(request, setting));
}

interface Refusal {
  code: ErrorCode;
  detail: string;
}

async function verify(
  verifier: Source | undefined,
  { webhook }: Service,
  received: ReceivedWebhook,
  nowMs: number,
): Promise<Refusal | undefined> {
  try {
    const problem = await (verifier?.verify ?? verifyAuthorization)(received, webhook, nowMs);
    return problem === undefined ? undefined : { code: "bad_signature", detail: problem };
  } catch (error) {
    if (error instanceof VerifierUnavailable) return { code: "keys_unavailable", detail: error.message };
    throw error;
  }
}

function judgeReading(service: Service, { name: source }: Source, reading: Reading): Verdict {
  switch (reading.kind) {
    case "malformed":
      return { kind: "rejected", source, code: "malformed_webhook", detail: reading.problem };
    case "ignored":
      return { source, ...reading };
    case "triggers":
      return {
        ...chooseTriggers(service, source, reading.triggers),
        ...deliveryOf(reading),
        ...(service.webhook.callback === true &&
          reading.callbackUrl !== undefined && { callbackUrl: reading.callbackUrl }),
      };
  }
}

/** One webhook may bring several triggers; those that the service wants are enough to accept it. */
function chooseTriggers(service: Service, source: string, triggers: readonly Trigger[]): Verdict {
  const objections = triggers.map((trigger) => findObjection(service, trigger));
  const wanted = triggers.filter((_, index) => objections[index] === undefined);
  if (wanted.length > 0) return { kind: "wanted", source, triggers: wanted };
  return { kind: "ignored", source, reason: objections[0] ?? "the webhook names no image" };
}

/** A sender may call a delivery what it likes: a name that is long or unprintable is none. */
function deliveryOf({ deliveryId }: { deliveryId?: string }): { deliveryId?: string } {
  return deliveryId !== undefined && /^[\x21-\x7e]{1,200}$/.test(deliveryId) ? { deliveryId } : {};
}
