import { readFileSync } from "node:fs";
import {
  explainConnectionError,
  isTemporaryConnectionError,
  isUnreached,
} from "../../http/connection-error.ts";
import { sendRequest } from "../../http/http-request.ts";
import { isJsonObject, textOf } from "../../json.ts";
import { ApiError } from "../api-error.ts";
import type { ClusterAccess } from "./kubeconfig.ts";

export interface ClusterCall {
  method?: "GET" | "POST" | "PATCH";
  path: string;
  query?: Readonly<Record<string, string>>;
  body?: object;
  signal: AbortSignal;
}

/** One API server. All of it may throw an `ApiError`. */
export interface Cluster {
  where: string;
  namespace: string;
  call<Body>(call: ClusterCall): Promise<Body>;
}

const contentTypes = {
  GET: "application/json",
  POST: "application/json",
  // Containers are merged by their names, and a resourceVersion is a condition.
  PATCH: "application/strategic-merge-patch+json",
};

/** A list of a thousand pods is some 10 MiB. */
const maximumAnswerBytes = 64 * 1024 * 1024;
const answerTimeoutMs = 30_000;

export function connectCluster(access: ClusterAccess, namespace: string | undefined): Cluster {
  return {
    where: access.server,
    namespace: namespace ?? access.namespace,
    call: async <Body>(call: ClusterCall) => (await send(access, call)) as Body,
  };
}

async function send(access: ClusterAccess, call: ClusterCall): Promise<unknown> {
  const { server, tls } = access;
  const { method = "GET", path, query = {}, body, signal: outer } = call;
  const url = new URL(server);
  // A server may lie under a path, as behind Rancher.
  url.pathname = `${url.pathname.replace(/\/$/, "")}${path}`;
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const token = readToken(access);
  const limit = AbortSignal.timeout(answerTimeoutMs);
  const answer = await sendRequest({
    method,
    url,
    headers: {
      accept: "application/json",
      "user-agent": "statigo",
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": contentTypes[method] }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    tls,
    signal: AbortSignal.any([outer, limit]),
    maximumBytes: maximumAnswerBytes,
  }).catch((error: unknown) => {
    outer.throwIfAborted();
    const message = limit.aborted
      ? `Kubernetes at ${server} did not answer within ${answerTimeoutMs / 1000} s`
      : explainConnectionError(error, "Kubernetes", server, tls);
    throw new ApiError(message, {
      isTemporary: limit.aborted || isTemporaryConnectionError(error),
      hasNoEffect: method === "GET" || isUnreached(error),
    });
  });
  const { status } = answer;
  if (status >= 200 && status < 300) return parseBody(answer.body, server);
  throw errorOfAnswer(status, answer.body, answer.headers.location, access);
}

function readToken({ token, tokenFile }: ClusterAccess): string | undefined {
  if (tokenFile === undefined) return token;
  try {
    return readFileSync(tokenFile, "utf8").trim();
  } catch (error) {
    const message = `cannot read the token file ${tokenFile} (${(error as NodeJS.ErrnoException).code})`;
    throw new ApiError(message, { isTemporary: false, hasNoEffect: true });
  }
}

function parseBody(body: string, server: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    const message = `what answers at ${server} is not Kubernetes: its answer is not JSON`;
    // A page of a proxy in between, or half an answer: the next one may be whole.
    throw new ApiError(message, { status: 200, isTemporary: true, hasNoEffect: false });
  }
}

/** Errors are `Status` objects (apimachinery's meta/v1/types.go); a proxy in front may answer anything. */
export function errorOfAnswer(
  status: number,
  body: string,
  location: string | undefined,
  { server }: Pick<ClusterAccess, "server">,
): ApiError {
  const said = readMessage(body);
  const isTemporary = status >= 500 || status === 429;
  const message = `Kubernetes at ${server} ${explain(status, said, location)}`;
  return new ApiError(message, { status, said, isTemporary, hasNoEffect: status < 500 });
}

function readMessage(body: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return "";
  }
  return isJsonObject(parsed) ? textOf(parsed["message"]).replace(/\s+/g, " ").trim().slice(0, 500) : "";
}

function explain(status: number, said: string, location: string | undefined): string {
  const quote = said === "" ? `${status}` : `${status}: ${said}`;
  if (status === 401)
    return `does not know who asks (${quote}): is the token or the client certificate still valid?`;
  if (status === 403) return `does not allow it (${quote}): see the role in the target's documentation`;
  if (status === 404) return `does not have it (${quote}): correct its name and \`namespace\``;
  if (status === 422) return `refused the change (${quote})`;
  if (status >= 300 && status < 400) {
    const to = URL.parse(location ?? "")?.origin ?? "another place";
    return `redirects to ${to} (${status}), which is not followed: write the final address into the config`;
  }
  return `answered ${quote}`;
}

/** Somebody else changed the object between reading and writing. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409;
}
