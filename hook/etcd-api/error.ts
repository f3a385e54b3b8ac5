import { MalformedLine } from "../engine-api/json-lines.ts";
import { explainConnectionError, isTemporaryConnectionError, isUnreached } from "../http/connection-error.ts";
import type { TlsOptions } from "../http/tls.ts";
import { isJsonObject, textOf } from "../json.ts";
import { ApiError } from "../target/api-error.ts";

/** The gateway's errors are `{"error","message","code"}`, with gRPC's code and an HTTP status made from it. */
export function errorOfAnswer(status: number, body: unknown, what: string, where: string): ApiError {
  const outer = isJsonObject(body) ? body : {};
  // In a stream the error is an object of its own.
  const facts = isJsonObject(outer["error"]) ? outer["error"] : outer;
  const said = (textOf(facts["message"]) || textOf(facts["error"])).slice(0, 300);
  const advice = adviceFor(said);
  return new ApiError(
    `etcd at ${where} refused to ${what} (${status}: ${said || "no reason given"})${advice}`,
    {
      status,
      said,
      // No leader, a member that is just starting, and the like: gRPC's "unavailable" is 503.
      isTemporary: status >= 500 || status === 429 || status === 408,
      hasNoEffect: status < 500,
    },
  );
}

function adviceFor(said: string): string {
  if (/permission denied/.test(said)) return ": its role needs readwrite on the prefix";
  if (/user name is empty|invalid user ID or password|user name not found/.test(said))
    return ": set the user and the password of etcd's access control";
  return "";
}

/** etcd forgets tokens after a while, and when it starts again. */
export function isTokenForgotten(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.status === 401 || /invalid auth token|auth store is old/.test(error.said);
}

export function errorOfConnection(error: unknown, where: string, tls: TlsOptions | undefined): ApiError {
  if (error instanceof ApiError) return error;
  const isLate = (error as Error).name === "TimeoutError";
  const message = isLate
    ? `etcd at ${where} did not answer in time`
    : explainConnectionError(error, "etcd", where, tls);
  return new ApiError(message, {
    isTemporary:
      isLate || isTemporaryConnectionError(error) || isCutShort(error) || error instanceof MalformedLine,
    hasNoEffect: isUnreached(error),
  });
}

/** The answer ended before its end, as it does when a member is stopped. */
function isCutShort(error: unknown): boolean {
  const { code = "", message } = error as NodeJS.ErrnoException;
  return code === "ERR_STREAM_PREMATURE_CLOSE" || code === "HPE_INVALID_EOF_STATE" || /aborted/.test(message);
}
