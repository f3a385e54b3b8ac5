/** A client of the hook's API for tests: plain requests, and event streams read with a parser that is not ours. */
import { type EventSourceMessage, EventSourceParserStream } from "eventsource-parser/stream";
import { adminToken } from "./hook.ts";

export interface Api {
  get(path: string): Promise<Response>;
  post(path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
  json<Shown = Json>(path: string): Promise<Shown>;
  stream(path: string, lastEventId?: number): Promise<Stream>;
}

export type Json = Record<string, unknown>;

export interface Stream {
  response: Response;
  /** The next event; `undefined` when the hook has ended the stream. */
  next(): Promise<(Omit<EventSourceMessage, "data"> & { data: Json }) | undefined>;
  /** Ids that came so far, those of no event included. */
  ids: string[];
  comments: string[];
  close(): Promise<void>;
}

/** With a token's name left out, the one for everything. */
export function apiOf({ origin }: { origin: string }, token: string | undefined = adminToken): Api {
  const authorization: Record<string, string> = token === "" ? {} : { authorization: `Bearer ${token}` };
  const get = (path: string, headers = {}) =>
    fetch(`${origin}/api/${path}`, { headers: { ...authorization, ...headers } });
  return {
    get,
    post: (path, body, headers = {}) =>
      fetch(`${origin}/api/${path}`, {
        method: "POST",
        headers: {
          ...authorization,
          ...(body !== undefined && { "content-type": "application/json" }),
          ...headers,
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    json: async <Shown>(path: string) => (await (await get(path)).json()) as Shown,
    stream: async (path, lastEventId) =>
      readStream(
        await get(path, {
          accept: "text/event-stream",
          ...(lastEventId !== undefined && { "last-event-id": String(lastEventId) }),
        }),
      ),
  };
}

function readStream(response: Response): Stream {
  if (response.body === null) throw new Error("the answer has no body");
  const ids: string[] = [];
  const comments: string[] = [];
  const reader = response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(
      new EventSourceParserStream({
        onId: (id) => void ids.push(id),
        onComment: (comment) => void comments.push(comment),
      }),
    )
    .getReader();
  return {
    response,
    ids,
    comments,
    async next() {
      const { value } = await reader.read();
      return value === undefined ? undefined : { ...value, data: JSON.parse(value.data) as Json };
    },
    close: () => reader.cancel(),
  };
}
