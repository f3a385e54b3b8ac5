import type { TlsOptions } from "./tls.ts";

const tlsCodes = new Set([
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Nothing of a request has reached the server when one of these comes. */
const unreachedCodes = new Set([
  "ECONNREFUSED",
  "EAI_AGAIN",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETDOWN",
  "ENETUNREACH",
  "ENOTFOUND",
  // Ours, of `connectTimeoutMs`.
  "ERR_CONNECT_TIMEOUT",
]);

/** These may come before as well as after the server has read the request. */
const brokenCodes = new Set(["ECONNABORTED", "ECONNRESET", "EPIPE", "ETIMEDOUT"]);

/** Whether a server was away, and may be back for another try; a certificate that is not trusted stays so. */
export function isTemporaryConnectionError(error: unknown): boolean {
  const { code = "" } = error as NodeJS.ErrnoException;
  return unreachedCodes.has(code) || brokenCodes.has(code);
}

/** Whether it is certain that the server has not acted on the request. */
export function isUnreached(error: unknown): boolean {
  const { code = "" } = error as NodeJS.ErrnoException;
  return unreachedCodes.has(code) || tlsCodes.has(code) || code === "EPROTO";
}

/** Why a server could not be asked at all, in words that say what to look at. */
export function explainConnectionError(error: unknown, who: string, at: string, tls?: TlsOptions): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED") return `nothing listens at ${at}: is ${who} running there?`;
  if (code === "ERR_CONNECT_TIMEOUT")
    return `${at} took no connection in time: is the host up, and ${who} on it?`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return `the host of ${at} has no address (${code}): check the name`;
  if (code !== undefined && tlsCodes.has(code)) {
    const advice =
      tls?.ca === undefined ? "set tls.ca to its authority's PEM file" : "check tls.ca and tls.serverName";
    return `${who} at ${at} has a certificate that is not trusted (${code}): ${advice}`;
  }
  if (code !== undefined && /ALERT_(?:BAD_CERTIFICATE|CERTIFICATE_REQUIRED|UNKNOWN_CA)$/.test(code)) {
    return `${who} at ${at} wants a client certificate that it trusts: set tls.cert and tls.key`;
  }
  if (code === "EPROTO") return `${who} at ${at} does not speak TLS: should the address be http?`;
  return `${who} at ${at} could not be asked: ${code ?? message}`;
}
