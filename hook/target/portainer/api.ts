import { EngineError } from "../../engine-api/error.ts";
import {
  explainConnectionError,
  isTemporaryConnectionError,
  isUnreached,
} from "../../http/connection-error.ts";
import { type Answer, sendRequest } from "../../http/http-request.ts";
import type { TlsOptions } from "../../http/tls.ts";
import { isJsonObject } from "../../json.ts";

/** A Portainer and who asks it. */
export interface PortainerAccess {
  /** Ends with a slash; Portainer may lie under a path of a proxy's. */
  base: URL;
  apiKey: string;
  tls: TlsOptions | undefined;
  /** For the answer to a question; a change takes as long as it takes. */
  readTimeoutMs: number;
}

export interface PortainerCall {
  method: "GET" | "PUT";
  /** After `api/`. */
  path: string;
  body?: object;
  /** What is asked for, after "refused to". */
  what: string;
  signal: AbortSignal;
}

/** A stack's file is at most this, and a list of stacks some kilobytes each. */
const maximumAnswerBytes = 16 * 1024 * 1024;

/** Resolves to the parsed answer, `undefined` for an empty one: which 2xx it is differs between releases. */
export async function callPortainer(access: PortainerAccess, call: PortainerCall): Promise<unknown> {
  const { base, apiKey, tls, readTimeoutMs } = access;
  const { method, path, body, what, signal } = call;
  const url = new URL(`api/${path}`, base);
  const headers = { "x-api-key": apiKey, ...(body && { "content-type": "application/json" }) };
  const limit = method === "GET" ? AbortSignal.timeout(readTimeoutMs) : undefined;
  let answer: Answer;
  try {
    signal.throwIfAborted();
    const text = body && { body: JSON.stringify(body) };
    answer = await sendRequest({
      method,
      url,
      headers,
      ...text,
      tls,
      signal: limit === undefined ? signal : AbortSignal.any([signal, limit]),
      maximumBytes: maximumAnswerBytes,
    });
  } catch (error) {
    if (limit?.aborted && !signal.aborted) {
      const message = `Portainer at ${base.origin} did not answer in time, asked to ${what}`;
      throw new EngineError(message, { isTemporary: true, hasNoEffect: true });
    }
    throw explainBreak(error, access, what, signal);
  }
  if (answer.status < 200 || answer.status > 299) throw errorOfRefusal(answer, access, what);
  if (answer.body === "") return undefined;
  try {
    return JSON.parse(answer.body);
  } catch {
    const message = `what answers at ${url.origin} is not Portainer: its answer is not JSON`;
    // A proxy in between may have answered for a moment, or cut the answer off.
    throw new EngineError(message, { isTemporary: true, hasNoEffect: false });
  }
}

function explainBreak(
  error: unknown,
  { base, tls }: PortainerAccess,
  what: string,
  signal: AbortSignal,
): EngineError {
  if (signal.aborted) {
    const message = `stopped waiting for Portainer at ${base.origin} to ${what}`;
    return new EngineError(message, { isTemporary: false, hasNoEffect: false });
  }
  return new EngineError(explainConnectionError(error, "Portainer", base.origin, tls), {
    isTemporary: isTemporaryConnectionError(error),
    hasNoEffect: isUnreached(error),
  });
}

function errorOfRefusal(answer: Answer, { base }: PortainerAccess, what: string): EngineError {
  const { status } = answer;
  const said = readError(answer.body);
  const quote = said === "" ? `${status}` : `${status}: ${said}`;
  const message = `Portainer at ${base.origin} refused to ${what} (${quote})${adviceFor(status)}`;
  const isTemporary = isTemporaryRefusal(answer);
  return new EngineError(message, { status, said, isTemporary, hasNoEffect: status < 500 });
}

/** What to do about a status that the API key's user gets, in front of everything that Portainer has. */
export function adviceFor(status: number | undefined): string {
  if (status === 401) return ": is apiKey one of Portainer's access tokens, and still there?";
  if (status === 403) return ": give the API key's user access to it";
  if (status !== undefined && status >= 300 && status < 400)
    return ": it redirects, which is not followed; write the final address into the config";
  return "";
}

/** A stack that is being deployed will not be later; one without an author stays without. */
export function isTemporaryRefusal({ status, body }: Pick<Answer, "status" | "body">): boolean {
  if (status === 409) return /already in progress/i.test(readError(body));
  return status >= 500 || status === 408 || status === 429;
}

/** Portainer's errors are `{"message","details"}`; a proxy in front of it may answer anything. */
export function readError(body: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return "";
  }
  if (!isJsonObject(parsed)) return "";
  const parts = [parsed["message"], parsed["details"]].filter((part) => typeof part === "string");
  return [...new Set(parts)].join("; ").slice(0, 500);
}

/** Its status is open to everybody; nothing but a deployment tells whether a webhook itself is good. */
export async function findPortainer(
  base: URL,
  tls: TlsOptions | undefined,
  signal: AbortSignal,
): Promise<{ version: string } | { problem: string }> {
  const url = new URL("api/system/status", base);
  try {
    const { status, body } = await sendRequest({ method: "GET", url, tls, signal });
    const version = /"Version":\s*"([\w.-]{1,32})"/.exec(body)?.[1];
    if (status === 200 && version !== undefined) return { version };
    return { problem: `what answers at ${url.origin} is not Portainer (${status} for its status)` };
  } catch (error) {
    if (signal.aborted) return { problem: `Portainer at ${url.origin} did not answer in time` };
    return { problem: explainConnectionError(error, "Portainer", url.origin, tls) };
  }
}
