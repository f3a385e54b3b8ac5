import { explainConnectionError } from "../http/connection-error.ts";
import { type Answer, sendRequest } from "../http/http-request.ts";
import type { TlsOptions } from "../http/tls.ts";
import { describeSlowness, matchInTime } from "../match-in-time.ts";

/** One request that tells whether a release is up, with everything that depends on the release filled in. */
export interface Probe {
  method: "GET" | "HEAD";
  url: URL;
  headers: Readonly<Record<string, string>>;
  tls?: TlsOptions | undefined;
  /** How many redirects are followed. */
  redirects: number;
  timeoutMs: number;
  expected: Expectation;
}

export interface Expectation {
  status: readonly StatusRange[];
  /** A text that the body has. */
  text?: string;
  pattern?: RegExp;
  header?: { name: string; value: string };
}

export type StatusRange = readonly [first: number, last: number];

/** `seen` says what came, in words that repeat as long as the same comes. */
export interface Finding {
  isGood: boolean;
  seen: string;
  /** Nothing came in the time that there was. */
  isLate?: boolean;
}

/** A version stands in a page's head or in a small answer; a probe must not load a site's films. */
const maximumBodyBytes = 1024 * 1024;

export async function runProbe(probe: Probe, signal: AbortSignal): Promise<Finding> {
  const limit = AbortSignal.timeout(probe.timeoutMs);
  try {
    const answer = await request(probe, AbortSignal.any([signal, limit]));
    return "seen" in answer ? { isGood: false, seen: answer.seen } : judge(answer, probe.expected);
  } catch (error) {
    if (limit.aborted) {
      return { isGood: false, seen: `no answer within ${probe.timeoutMs / 1000} s`, isLate: true };
    }
    return { isGood: false, seen: explainConnectionError(error, "the site", probe.url.origin, probe.tls) };
  }
}

async function request(probe: Probe, signal: AbortSignal): Promise<Answer | { seen: string }> {
  const { method, tls, redirects } = probe;
  let { url, headers } = probe;
  for (let followed = 0; ; followed++) {
    const answer = await sendRequest({ method, url, headers, tls, signal, maximumBytes: maximumBodyBytes });
    const { status } = answer;
    const to = isRedirect(status) ? URL.parse(answer.headers.location ?? "", url) : null;
    if (to === null || isExpected(status, probe.expected.status)) return answer;
    if (redirects === 0)
      return { seen: `status ${status}, a redirect to ${to.origin}, which is not followed` };
    if (followed === redirects)
      return {
        seen: `more than ${redirects} ${redirects === 1 ? "redirect" : "redirects"}, the last to ${to.origin}`,
      };
    if (!/^https?:$/.test(to.protocol))
      return { seen: `a redirect to ${to.protocol}, which is not followed` };
    // What authenticates is for the host that the config names.
    if (to.origin !== url.origin) headers = {};
    url = to;
  }
}

function isRedirect(status: number): boolean {
  return status >= 301 && status <= 308 && status !== 304;
}

function isExpected(status: number, ranges: readonly StatusRange[]): boolean {
  return ranges.some(([first, last]) => status >= first && status <= last);
}

export function judge({ status, headers, body }: Answer, expected: Expectation): Finding {
  const { text, pattern, header } = expected;
  const bad = (seen: string) => ({ isGood: false, seen });
  if (!isExpected(status, expected.status))
    return bad(`status ${status} instead of ${describe(expected.status)}`);
  if (header !== undefined) {
    const value = [headers[header.name.toLowerCase()]].flat().join(", ");
    if (value.trim() !== header.value) {
      const found = value === "" ? "no header" : `the header`;
      return bad(
        `${found} ${header.name}${value === "" ? "" : `: ${quote(value)}`} instead of ${header.value}`,
      );
    }
  }
  if (text !== undefined && !body.includes(text)) return bad(`a body without ${quote(text)}`);
  const match = pattern === undefined ? "matches" : matchInTime(pattern, body);
  if (pattern !== undefined && match !== "matches") {
    const fault = match === "too-slow" ? describeSlowness(pattern) : `does not match ${pattern.source}`;
    return bad(`a body that ${fault}`);
  }
  return { isGood: true, seen: `status ${status}` };
}

function describe(ranges: readonly StatusRange[]): string {
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`)).join(", ");
}

/** What a site says goes into a log: short, and on one line. */
function quote(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return JSON.stringify(short);
}
