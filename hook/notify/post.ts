import { explainConnectionError } from "../http/connection-error.ts";
import { type Answer, sendRequest } from "../http/http-request.ts";
import type { TlsOptions } from "../http/tls.ts";
import type { SendResult } from "./notifier.ts";

export interface Post {
  /** Who is asked, for messages: the URL's path may be a secret. */
  receiver: string;
  url: URL;
  headers?: Readonly<Record<string, string>>;
  body: string;
  tls?: TlsOptions | undefined;
  signal: AbortSignal;
  /** What an answer that is no success says; its body may repeat the URL. */
  quote?(answer: Answer): string;
  /** What to do about a permanent refusal. */
  advice: string;
}

/** Posts JSON and judges the answer. */
export async function post(given: Post): Promise<SendResult> {
  const { receiver, url, body, tls, signal } = given;
  const headers = { "content-type": "application/json", "user-agent": "statigo-hook", ...given.headers };
  try {
    return judge(await sendRequest({ method: "POST", url, headers, body, tls, signal }), given);
  } catch (error) {
    const problem = signal.aborted
      ? `${receiver} at ${url.origin} did not answer in time`
      : explainConnectionError(error, receiver, url.origin, tls);
    return { ok: false, problem, isTemporary: true };
  }
}

/** Besides the 5xx: not in time, not so early (RFC 8470), not so often. */
const temporaryStatuses = new Set([408, 425, 429]);

function judge(answer: Answer, { receiver, url, quote, advice }: Post): SendResult {
  const { status, headers } = answer;
  if (status >= 200 && status < 300) return { ok: true };
  const said = quote?.(answer) ?? "";
  const what = `${receiver} at ${url.origin} answered ${status}${said === "" ? "" : ` (${said})`}`;
  if (status >= 500 || temporaryStatuses.has(status)) {
    const retryAfterMs = parseRetryAfter(headers["retry-after"], Date.now());
    return {
      ok: false,
      problem: what,
      isTemporary: true,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    };
  }
  if (status >= 300 && status < 400)
    return { ok: false, problem: `${what}: redirects are not followed; ${advice}`, isTemporary: false };
  return { ok: false, problem: `${what}: ${advice}`, isTemporary: false };
}

/** RFC 9110 section 10.2.3: seconds or a date. Discord's seconds have a fraction. */
export function parseRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const isNumber = /^\d{1,9}(?:\.\d+)?$/.test(text.trim());
  // Every HTTP date ends so; other words would be taken for dates of some kind.
  const isDate = text.trim().endsWith("GMT");
  const delayMs = isNumber ? Number(text) * 1000 : isDate ? Date.parse(text) - nowMs : Number.NaN;
  return Number.isNaN(delayMs) ? undefined : Math.max(0, delayMs);
}
