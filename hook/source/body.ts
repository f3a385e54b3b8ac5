import { isUtf8 } from "node:buffer";
import { isJsonObject, type JsonObject } from "../json.ts";

export type ParsedBody = { body: JsonObject } | { problem: string };

/**
 * JSON, or a form whose field `payload` holds the JSON (GitHub and Gitea offer that), or a form without it, whose
 * fields are then the body (`curl -d tag=v1`). `curl -d` without a header calls everything a form, so a form that
 * starts like JSON is read as JSON. An empty body is `{}`: everything may be in the query.
 */
export function parseBody(raw: Buffer, contentType: string): ParsedBody {
  // RFC 8259 section 8.1. What is no UTF-8 would be read as something that nobody signed.
  if (!isUtf8(raw)) return { problem: "the body is not UTF-8" };
  const text = raw.toString("utf8").replace(/^\u{feff}/u, "");
  if (text.trim() === "") return { body: {} };
  if (!isForm(raw, contentType)) return parseJson(text);
  const fields = new URLSearchParams(text);
  const payload = fields.get("payload");
  return payload === null ? { body: Object.fromEntries(fields) } : parseJson(payload);
}

/** The bytes of the JSON: of a form those of its field `payload`, decoded. */
export function readPayload(raw: Buffer, contentType: string): Buffer {
  const payload = isForm(raw, contentType) ? new URLSearchParams(raw.toString("utf8")).get("payload") : null;
  return payload === null ? raw : Buffer.from(payload, "utf8");
}

function isForm(raw: Buffer, contentType: string): boolean {
  const isCalledForm = /^application\/x-www-form-urlencoded\b/i.test(contentType);
  return isCalledForm && !/^\s*\{/.test(raw.subarray(0, 1000).toString("latin1"));
}

function parseJson(text: string): ParsedBody {
  try {
    const body: unknown = JSON.parse(text);
    return isJsonObject(body) ? { body } : { problem: "the body is JSON, but not an object" };
  } catch {
    // The parser's own message quotes the body, which is not ours to repeat.
    return { problem: "the body is not JSON" };
  }
}
