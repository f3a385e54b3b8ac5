/** Every error that the hook's HTTP interface can answer with: `{ "error": { "code", "message" } }`. */
export const errors = {
  bad_request: { status: 400, message: "the request is not valid HTTP for this server" },
  malformed_body: { status: 400, message: "the body could not be read" },
  invalid_body: { status: 400, message: "the body does not say what is needed" },
  invalid_query: { status: 400, message: "a query parameter is not valid" },
  unauthorized: { status: 401, message: "a bearer token is needed" },
  bad_signature: { status: 401, message: "the webhook is not signed with this service's key" },
  forbidden: { status: 403, message: "the token may not do this" },
  not_found: { status: 404, message: "there is nothing here" },
  deployment_not_found: { status: 404, message: "there is no deployment with this id" },
  service_not_found: { status: 404, message: "the config has no service of this name" },
  method_not_allowed: { status: 405, message: "a webhook's URL is asked by POST" },
  request_timeout: { status: 408, message: "the request did not arrive in time" },
  key_reused: { status: 409, message: "this Idempotency-Key was used for another tag" },
  not_cancellable: { status: 409, message: "the deployment cannot be cancelled" },
  not_waiting_for_approval: { status: 409, message: "the deployment does not wait for approval" },
  nothing_to_roll_back_to: { status: 409, message: "there is no release to go back to" },
  body_too_large: { status: 413, message: "the body is larger than 1 MiB" },
  unsupported_media_type: { status: 415, message: "the body has another Content-Type than it must have" },
  unknown_webhook: { status: 422, message: "the body has no known sender's form" },
  malformed_webhook: { status: 422, message: "the webhook does not have its sender's form" },
  too_many_requests: { status: 429, message: "too many requests; Retry-After says when to come again" },
  headers_too_large: { status: 431, message: "the request's headers are too large" },
  internal: { status: 500, message: "something went wrong here; the log has more" },
  too_many_streams: { status: 503, message: "too many event streams are open; ask for the state instead" },
  keys_unavailable: { status: 503, message: "the webhook could not be verified; send it again" },
  store_unavailable: { status: 503, message: "it could not be stored; send it again" },
} as const;

export type ErrorCode = keyof typeof errors;

export interface ErrorBody {
  error: { code: ErrorCode; message: string };
}

/** Thrown by a route to answer with an entry of the catalogue. */
export class HttpError extends Error {
  readonly code: ErrorCode;
  readonly statusCode: number;

  /** The detail says more than the catalogue does; it never repeats anything secret. */
  constructor(code: ErrorCode, detail?: string) {
    super(detail === undefined ? errors[code].message : `${errors[code].message}: ${detail}`);
    this.code = code;
    this.statusCode = errors[code].status;
  }
}

export function errorBody({ code, message }: HttpError): ErrorBody {
  return { error: { code, message } };
}

/** What Fastify itself may refuse a request with, in the catalogue's terms. */
const frameworkErrors: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "body_too_large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported_media_type",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "malformed_body",
  FST_ERR_BAD_URL: "not_found",
  FST_ERR_MAX_PARAM_LENGTH: "not_found",
};

const bodiesOfWebhooks = "JSON, or a form with `tag`, or with JSON in `payload`";

/** Anything thrown while a request was handled, as an error that may be shown. */
export function toHttpError(error: unknown, { isWebhook = false } = {}): HttpError {
  if (error instanceof HttpError) return error;
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  const known = frameworkErrors[code ?? ""];
  if (known === "unsupported_media_type")
    return new HttpError(known, isWebhook ? bodiesOfWebhooks : "application/json");
  if (known !== undefined) return new HttpError(known);
  // The message of anything else may quote the request, its path included.
  return new HttpError(
    statusCode !== undefined && statusCode >= 400 && statusCode < 500 ? "bad_request" : "internal",
  );
}
