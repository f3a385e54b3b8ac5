import { explainConnectionError, isTemporaryConnectionError } from "../../http/connection-error.ts";
import type { TlsOptions } from "../../http/tls.ts";

/** How an agent was asked. */
interface Asked {
  address: string;
  tls?: TlsOptions | undefined;
  token?: string | undefined;
}

interface ResponseError extends Error {
  statusCode?: number;
  response?: { body?: unknown };
}

/** Consul itself said no, so it has done nothing. */
export function isRefusal(error: unknown): boolean {
  const { statusCode = 0 } = error as ResponseError;
  return statusCode >= 400 && statusCode < 500;
}

/** A 500 is what an agent without a leader answers; a datacenter that it does not know is one as well. */
export function isTemporary(error: unknown): boolean {
  const { statusCode, response } = error as ResponseError;
  if (statusCode === undefined) return isTemporaryConnectionError(error) || isUnreadable(error);
  const isWrongDatacenter = /No path to datacenter/i.test(String(response?.body));
  return (statusCode >= 500 && !isWrongDatacenter) || statusCode === 429;
}

/** Half an answer, or one of something in between: the next may be whole. */
function isUnreadable(error: unknown): boolean {
  return /\bdecode \(.*\) failed/.test((error as Error).message);
}

export function explainConsulError(
  error: unknown,
  { address, tls, token }: Asked,
  key: string,
  isStopped: boolean,
  /** What the token needs, where it is not the key that was asked for. */
  need = `key:write on "${key}"`,
): string {
  const { statusCode, message, response } = error as ResponseError;
  const said =
    typeof response?.body === "string" && response.body !== "" ? response.body.trim().slice(0, 300) : message;
  if (statusCode === 403) {
    const whose = token === undefined ? "a request without a token" : "the token";
    return `Consul at ${address} refused ${whose} (403: ${said}): it needs ${need}`;
  }
  if (statusCode !== undefined)
    return `Consul at ${address} answered ${statusCode} to a request for ${key}: ${said}`;
  if (isUnreadable(error))
    return `what answers at ${address} for Consul gave an answer that cannot be read (${message}): is something in between?`;
  if (isStopped) return `Consul at ${address} did not answer in time`;
  return explainConnectionError(error, "Consul", address, tls);
}
