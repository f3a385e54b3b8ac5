import { isJsonObject } from "../json.ts";
import { readTime } from "../trigger.ts";
import { headerOf, type ReceivedWebhook, type WebhookRequest } from "./source.ts";

/** One event, whichever of the two forms it came in (CloudEvents 1.0, HTTP protocol binding section 3). */
export interface CloudEvent {
  id: string;
  /** Together with the id unique among all events. */
  source: string;
  type: string;
  timeMs: number | undefined;
  data: unknown;
  /** Harbor's extension: who pushed. */
  operator: unknown;
}

export type CloudEventResult = CloudEvent | { problem: string };

const structuredType = /^application\/cloudevents\+json\s*(?:;|$)/i;

/** By headers alone: structured by the content type, binary by a header for each attribute that must be there. */
export function isCloudEvent(received: ReceivedWebhook): boolean {
  return isStructured(received) || required.every((name) => received.headers[`ce-${name}`] !== undefined);
}

const required = ["specversion", "id", "source", "type"] as const;

function isStructured(received: ReceivedWebhook): boolean {
  return structuredType.test(headerOf(received, "content-type") ?? "");
}

export function readCloudEvent(request: WebhookRequest): CloudEventResult {
  const attributes = isStructured(request) ? readStructured(request.body) : readBinary(request);
  if ("problem" in attributes) return attributes;
  const { specversion, id, source, type, time, data, operator } = attributes.found;
  if (typeof specversion !== "string" || !/^1\.\d+$/.test(specversion))
    return { problem: "specversion is not 1.0" };
  // Section "REQUIRED attributes" of the specification: non-empty texts.
  if (!isText(id) || !isText(source) || !isText(type)) return { problem: "id, source or type is not a text" };
  return { id, source, type, timeMs: readTime(time), data, operator };
}

type Attributes = { found: Readonly<Record<string, unknown>> } | { problem: string };

function readStructured(body: unknown): Attributes {
  if (!isJsonObject(body)) return { problem: "the body is not an object" };
  if (!("data_base64" in body)) return { found: body };
  const data = typeof body["data_base64"] === "string" ? decodeJson(body["data_base64"]) : undefined;
  return data === undefined ? { problem: "data_base64 is not JSON in base64" } : { found: { ...body, data } };
}

function decodeJson(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64").toString("utf8"));
  } catch {
    return undefined;
  }
}

function readBinary(request: WebhookRequest): Attributes {
  const found: Record<string, unknown> = { data: request.body };
  for (const name of [...required, "time", "operator"]) {
    const value = headerOf(request, `ce-${name}`);
    if (value === undefined) continue;
    const decoded = decodeHeader(value);
    if (decoded === undefined) return { problem: `ce-${name} is not percent-encoded UTF-8` };
    found[name] = decoded;
  }
  return { found };
}

/** HTTP protocol binding, section 3.1.3.2: quotes first, which older senders use, then percent-encoding. */
function decodeHeader(value: string): string | undefined {
  const quoted = /^"(.*)"$/.exec(value)?.[1];
  try {
    return decodeURIComponent(quoted?.replace(/\\(.)/g, "$1") ?? value);
  } catch {
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
