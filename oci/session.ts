import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { ImageError } from "./image-error.ts";
import type { ImageName } from "./reference.ts";
import {
  describeErrors,
  isLoopback,
  isTemporaryStatus,
  logIn,
  type RegistryAccess,
  registryUrl,
} from "./registry.ts";
import { type OpenAnswer, openAnswer, type RegistryAnswer, readBody } from "./transport.ts";

/** One repository of a registry, over connections that are kept open, logged in to where it asks for that. */
export interface RegistrySession {
  /** For people. */
  name: string;
  origin: URL;
  image: ImageName;
  open(request: SessionRequest): Promise<OpenAnswer>;
  /** With its whole answer; what goes wrong on the way, or on the registry's side for the moment, is tried again. */
  ask(request: SessionRequest): Promise<RegistryAnswer>;
  /** An error for an answer that is none of those that were hoped for. */
  refuse(answer: RegistryAnswer, doing: string): ImageError;
  close(): void;
}

export interface SessionRequest {
  method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below `/v2/<repository>/`, or a whole URL that the registry gave. */
  path: string | URL;
  headers?: Readonly<Record<string, string>>;
  /** Called again when the request has to be sent again. */
  body?: () => Promise<string | Uint8Array | Readable>;
  signal: AbortSignal;
}

export interface SessionOptions extends Omit<RegistryAccess, "signal"> {
  /** What the token is to allow: `pull`, `pull,push`. */
  actions: string;
  /** HTTPS_PROXY and the like. */
  environment?: Readonly<Record<string, string | undefined>>;
}

/** A registry that sends nothing for so long is away; it may have to check a layer of gigabytes meanwhile. */
const idleTimeoutMs = 120_000;
const maximumConnections = 16;

export function openSession(image: ImageName, options: SessionOptions): RegistrySession {
  const { credentials, tls, actions } = options;
  const origin = registryUrl(image, options);
  const name = `the registry at ${origin.origin}`;
  const agent = makeAgent(origin, options);
  let login: { authorization: string } | undefined;

  async function open({ method, path, headers, body, signal }: SessionRequest): Promise<OpenAnswer> {
    const url = new URL(path, new URL(`/v2/${image.repository}/`, origin));
    // A place for an upload may be at another host, which the login is not for.
    const isOwn = url.host === origin.host;
    const send = async () => {
      const content = await body?.();
      return openAnswer({
        method,
        url,
        headers: { ...headers, ...(isOwn && login) },
        ...(content !== undefined && { body: content }),
        agent,
        tls,
        signal,
        idleTimeoutMs,
      });
    };
    const answer = await send();
    if (answer.status !== 401 || !isOwn) return answer;
    await readBody(answer.stream);
    const authorized = await logIn(answer, image, { ...options, signal }, actions);
    if ("kind" in authorized) {
      throw new ImageError(`${name}: ${authorized.problem}`, {
        fault: authorized.kind === "away" ? "away" : "denied",
      });
    }
    login = authorized;
    return send();
  }

  async function ask(request: SessionRequest): Promise<RegistryAnswer> {
    return withPatience(request.signal, async () => {
      const { status, headers, stream } = await open(request);
      const answer = { status, headers, body: await readBody(stream) };
      if (isTemporaryStatus(status))
        throw Object.assign(refuse(answer, "asked"), { retryAfter: headers["retry-after"] });
      return answer;
    });
  }

  function refuse({ status, body }: RegistryAnswer, doing: string): ImageError {
    if (status === 401 || status === 403) {
      const who = credentials === undefined ? "without a login" : "with these credentials";
      const said = describeErrors(body);
      return new ImageError(
        `${name} does not allow ${doing} ${who} (${status}${said === "" ? "" : `, ${said}`})`,
        { fault: "denied" },
      );
    }
    const said = describeErrors(body);
    const what = said === "" ? `${status}` : `${status} (${said})`;
    return new ImageError(`${name} answered ${what} to ${doing}`, { isTemporary: isTemporaryStatus(status) });
  }

  return { name, origin, image, open, ask, refuse, close: () => agent.destroy() };
}

function makeAgent(origin: URL, { environment = {} }: SessionOptions): HttpAgent {
  const settings = {
    keepAlive: true,
    maxSockets: maximumConnections,
    // Whatever the proxy is, it does not lead to this machine.
    ...(!isLoopback(origin.host) && { proxyEnv: { ...environment } }),
  };
  return origin.protocol === "https:" ? new HttpsAgent(settings) : new HttpAgent(settings);
}

const maximumTries = 5;
const firstPauseMs = 250;
const longestPauseMs = 30_000;
const temporaryCodes = new Set([
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EPIPE",
  "ETIMEDOUT",
]);

export function isTemporaryError(error: unknown): boolean {
  const { code = "" } = error as NodeJS.ErrnoException;
  return error instanceof ImageError ? error.isTemporary : temporaryCodes.has(code);
}

/** Errors of what was tried often enough: where one such wait is within another, the numbers must not multiply. */
const givenUp = new WeakSet<object>();

/** Tries again what may go well the next time, with pauses that double, or as long as the registry asks for. */
export async function withPatience<Result>(
  signal: AbortSignal,
  work: (tries: number) => Promise<Result>,
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await work(tries);
    } catch (error) {
      signal.throwIfAborted();
      const isFinal = givenUp.has(error as object) || !isTemporaryError(error);
      if (isFinal || tries >= maximumTries) {
        givenUp.add(error as object);
        throw error;
      }
      const asked = Number((error as { retryAfter?: string }).retryAfter ?? 0) * 1000;
      // A part of chance, so that parallel requests do not come back all at once.
      const ownMs = firstPauseMs * 2 ** (tries - 1) * (0.75 + Math.random() / 2);
      await sleep(Math.min(Math.max(asked || 0, ownMs), longestPauseMs), undefined, { signal });
    }
  }
}
