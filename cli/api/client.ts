import { CommandError, exitStatus } from "../exit-status.ts";
import { clean } from "../terminal.ts";
import type { Connection } from "./connection.ts";

export interface Client {
  get<Answer>(path: string, query?: Query): Promise<Answer>;
  post<Answer>(path: string, body?: object): Promise<Answer>;
  /** An answer that goes on; its status has been checked. */
  open(path: string, options: StreamOptions): Promise<Response>;
}

export type Query = Readonly<Record<string, string | number | undefined>>;

export interface StreamOptions {
  query?: Query;
  lastEventId?: number | undefined;
  signal: AbortSignal;
}

/** The hook cannot be reached, or what answers is no hook that is well: trying again may help. */
export class UnreachableError extends CommandError {
  constructor(message: string) {
    super(message, exitStatus.unreachable);
  }
}

const requestTimeoutMs = 30_000;

export function createClient({ base, token }: Connection): Client {
  const headers = { authorization: `Bearer ${token}`, "user-agent": "statigo" };

  async function ask(path: string, query: Query, init: RequestInit): Promise<Response> {
    const url = new URL(path, base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    let response: Response;
    try {
      // A redirect is not followed: the token is for this address.
      response = await fetch(url, { redirect: "manual", ...init, headers: { ...headers, ...init.headers } });
    } catch (error) {
      init.signal?.throwIfAborted();
      throw new UnreachableError(explainFailure(error, base));
    }
    if (!response.ok) throw await explainRefusal(response, base);
    return response;
  }

  async function askForJson<Answer>(path: string, query: Query, init: RequestInit): Promise<Answer> {
    const timeout = AbortSignal.timeout(requestTimeoutMs);
    try {
      const response = await ask(path, query, { ...init, signal: timeout });
      return (await response.json()) as Answer;
    } catch (error) {
      if (timeout.aborted)
        throw new UnreachableError(`${base.origin} did not answer within ${requestTimeoutMs / 1000} s`);
      if (error instanceof SyntaxError)
        throw new UnreachableError(`${base.origin} answers, but not like a hook: is the URL right?`);
      throw error;
    }
  }

  return {
    get: (path, query = {}) => askForJson(path, query, {}),
    post: (path, body = {}) =>
      askForJson(
        path,
        {},
        {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        },
      ),
    open: (path, { query = {}, lastEventId, signal }) =>
      ask(path, query, {
        signal,
        headers: {
          accept: "text/event-stream",
          ...(lastEventId !== undefined && { "last-event-id": String(lastEventId) }),
        },
      }),
  };
}

const meanings: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: is the hook running?",
  ENOTFOUND: "there is no such host",
  EAI_AGAIN: "the name server does not answer",
  ECONNRESET: "the connection was closed",
  UND_ERR_SOCKET: "the connection was closed",
  UND_ERR_CONNECT_TIMEOUT: "it does not answer",
  ETIMEDOUT: "it does not answer",
  EHOSTUNREACH: "there is no way to it",
  // The fetch standard's list of ports that other protocols have.
  "bad port": "its port is one that HTTP clients refuse to ask",
};

function explainFailure(error: unknown, { origin }: URL): string {
  const { cause = error } = error as { cause?: unknown };
  const { code = "", message = "" } = cause as { code?: string; message?: string };
  return `${origin} cannot be reached: ${meanings[code] ?? meanings[message] ?? clean(message)}`;
}

/** The hook's own words, where it was the hook that answered. */
async function explainRefusal(response: Response, { origin }: URL): Promise<CommandError> {
  const { status } = response;
  const location = response.headers.get("location");
  if (status < 400 && location !== null)
    return new UnreachableError(
      `${origin} is elsewhere (${status} to ${clean(location)}): is the URL right?`,
    );
  const text = await response.text().catch(() => "");
  const message = readMessage(text);
  if (message === undefined)
    return new UnreachableError(
      `${origin} answers with ${status}, but not like a hook: is the URL right, is the hook running?`,
    );
  return status >= 500 || status === 429
    ? new UnreachableError(clean(message))
    : new CommandError(clean(message), statusFor(status));
}

function statusFor(status: number): number {
  if (status === 401 || status === 403) return exitStatus.notAllowed;
  return status === 409 ? exitStatus.failed : exitStatus.wrongInput;
}

function readMessage(text: string): string | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: { message?: unknown } };
    return typeof error?.message === "string" ? error.message : undefined;
  } catch {
    return undefined;
  }
}
