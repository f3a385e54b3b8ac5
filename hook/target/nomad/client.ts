import {
  explainConnectionError,
  isTemporaryConnectionError,
  isUnreached,
} from "../../http/connection-error.ts";
import { type Answer, sendRequest } from "../../http/http-request.ts";
import type { TlsOptions } from "../../http/tls.ts";
import { ApiError } from "../api-error.ts";
import { errorOfAnswer } from "./error.ts";
import { parseLosslessly } from "./lossless-json.ts";

export interface NomadAccess {
  address: string;
  token?: string | undefined;
  namespace?: string | undefined;
  region?: string | undefined;
  tls?: TlsOptions | undefined;
}

export interface NomadCall {
  method?: "GET" | "POST";
  /** After `/v1/`; names in it are percent-encoded by the caller. */
  path: string;
  query?: Readonly<Record<string, string>>;
  body?: object;
  signal: AbortSignal;
}

/** One agent's HTTP API. All of it may throw an `ApiError`. */
export interface Nomad {
  where: string;
  namespace: string;
  call<Body>(call: NomadCall): Promise<Body>;
  /** A blocking query: answers when what is asked for is newer than `index`, or after a minute. */
  watch<Body>(path: string, index: number, signal: AbortSignal): Promise<Watched<Body>>;
}

export interface Watched<Body> {
  value: Body;
  index: number;
}

/** A job with its templates is some 10 kB; a list of a thousand allocations with their events is a few MiB. */
const maximumAnswerBytes = 64 * 1024 * 1024;
/** Job.Get, plan and the like: none of them waits for anything. */
const answerTimeoutMs = 30_000;
const waitMs = 60_000;

export function connectNomad(access: NomadAccess): Nomad {
  const { address: where, namespace = "default" } = access;
  const watch = async <Body>(path: string, index: number, signal: AbortSignal): Promise<Watched<Body>> => {
    const query = { index: String(index), wait: `${waitMs / 1000}s` };
    // The server adds up to a sixteenth of the wait (JitterFraction).
    const answer = await send(access, { path, query, signal }, waitMs + waitMs / 16 + answerTimeoutMs);
    const next = Number(answer.headers["x-nomad-index"] ?? 0);
    // Backwards is what a restored snapshot looks like: begin anew. Index 0 would not block.
    return { value: parseBody<Body>(answer, where), index: next < index ? 0 : next };
  };
  const call = async <Body>(one: NomadCall) =>
    parseBody<Body>(await send(access, one, answerTimeoutMs), where);
  return { where, namespace, call, watch };
}

async function send(access: NomadAccess, call: NomadCall, timeoutMs: number): Promise<Answer> {
  const { address, token, namespace, region, tls } = access;
  const { method = "GET", path, query = {}, body, signal: outer } = call;
  const socketPath = /^unix:\/\/(\/.+)$/.exec(address)?.[1];
  const url = new URL(`/v1/${path}`, socketPath === undefined ? address : "http://localhost");
  const scope = { ...(namespace !== undefined && { namespace }), ...(region !== undefined && { region }) };
  for (const [name, value] of Object.entries({ ...scope, ...query })) url.searchParams.set(name, value);
  const headers = {
    ...(token !== undefined && { "x-nomad-token": token }),
    ...(body !== undefined && { "content-type": "application/json" }),
  };
  const limit = AbortSignal.timeout(timeoutMs);
  const answer = await sendRequest({
    method,
    url,
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
    tls,
    ...(socketPath !== undefined && { connection: { socketPath } }),
    signal: AbortSignal.any([outer, limit]),
    maximumBytes: maximumAnswerBytes,
  }).catch((error: unknown) => {
    outer.throwIfAborted();
    if (limit.aborted) {
      const message = `Nomad at ${address} did not answer within ${timeoutMs / 1000} s`;
      throw new ApiError(message, { isTemporary: true, hasNoEffect: method === "GET" });
    }
    throw new ApiError(explainConnectionError(error, "Nomad", address, tls), {
      isTemporary: isTemporaryConnectionError(error) || (error as NodeJS.ErrnoException).code === "ENOENT",
      hasNoEffect: isUnreached(error) || method === "GET",
    });
  });
  if (answer.status !== 200) throw errorOfAnswer(answer, access, { method, path });
  return answer;
}

function parseBody<Body>({ body }: Answer, where: string): Body {
  try {
    return parseLosslessly(body) as Body;
  } catch {
    const message = `what answers at ${where} is not Nomad: its answer is not JSON`;
    // A page of a proxy in between, or half an answer: the next one may be whole.
    throw new ApiError(message, { status: 200, isTemporary: true, hasNoEffect: false });
  }
}
