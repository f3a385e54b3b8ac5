import { isJsonObject, type JsonObject } from "../json.ts";

export type ParsedBody = { body: JsonObject } | { problem: string };

/**
 * JSON, or a form whose field `payload` holds the JSON (GitHub and Gitea offer that). `curl -d` without a header
 * calls everything a form, so a form that starts like JSON is read as JSON.
 */
export function parseBody(raw: Buffer, contentType: string): ParsedBody {
  const text = raw.toString("utf8");
  const isForm = contentType.startsWith("application/x-www-form-urlencoded");
  if (!isForm || /^\s*\{/.test(text)) return parseJson(text);
  const payload = new URLSearchParams(text).get("payload");
  return payload === null ? { problem: "the form has no field `payload`" } : parseJson(payload);
}

function parseJson(text: string): ParsedBody {
  if (text.trim() === "") return { problem: "the body is empty" };
  try {
    const body: unknown = JSON.parse(text);
    return isJsonObject(body) ? { body } : { problem: "the body is JSON, but not an object" };
  } catch {
    // The parser's own message quotes the body, which is not ours to repeat.
    return { problem: "the body is not JSON" };
  }
}
