import type { IncomingMessage } from "node:http";
import { readJsonLines } from "../engine-api/json-lines.ts";
import { openRequest } from "../http/http-request.ts";
import type { TlsOptions } from "../http/tls.ts";
import { isJsonObject, type JsonObject, textOf } from "../json.ts";
import { ApiError } from "../target/api-error.ts";
import { errorOfAnswer, errorOfConnection, isTokenForgotten } from "./error.ts";

/** How to reach etcd: any of these, all members of one cluster. */
export interface EtcdSetting {
  nodes: readonly URL[];
  user?: { name: string; password: string } | undefined;
  tls?: TlsOptions | undefined;
  dialTimeoutMs: number;
}

export interface EtcdCall {
  /** Behind `/v3/`. */
  path: string;
  body: JsonObject;
  /** What is asked for, after "refused to": `read /deployer/blog`. */
  what: string;
  signal: AbortSignal;
}

/** Speaks etcd's JSON gateway. Everything it does may throw an `ApiError`. */
export interface EtcdClient {
  /** The addresses as the operator wrote them, for messages. */
  where: string;
  /** One answer. Sent to another member when one is away, so it has to be something that may be done twice. */
  call(call: EtcdCall): Promise<JsonObject>;
  /** Answers as they come; leaving the loop ends the request. */
  stream(call: EtcdCall): AsyncGenerator<JsonObject, void, void>;
}

/** Of one call, its tries at other members not counted. */
const answerTimeoutMs = 5_000;
/** etcd takes no request that is longer than 1.5 MiB; a list of all keys below a prefix may be. */
const maximumAnswerBytes = 16 * 1024 * 1024;

export function createEtcdClient(setting: EtcdSetting): EtcdClient {
  const { nodes, tls } = setting;
  const where = nodes.map(nameOfNode).join(", ");
  let preferred = 0;
  let token: string | undefined;

  /** At the member that answered last, then at the others. */
  async function atSomeNode<Result>(work: (node: URL) => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries++) {
      const node = nodes[preferred % nodes.length] as URL;
      try {
        return await work(node);
      } catch (error) {
        if (!(error instanceof ApiError) || !error.isTemporary) throw error;
        preferred++;
        if (tries >= nodes.length) throw error;
      }
    }
  }

  /** With a token where there is access control; with a new one when etcd has forgotten it. */
  async function authorized<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    if (setting.user === undefined) return work();
    token ??= await logIn(signal);
    try {
      return await work();
    } catch (error) {
      if (!isTokenForgotten(error)) throw error;
      token = await logIn(signal);
      return work();
    }
  }

  async function logIn(signal: AbortSignal): Promise<string> {
    const body = { name: setting.user?.name, password: setting.user?.password };
    const what = `log ${setting.user?.name} in`;
    const answer = await atSomeNode((node) => ask(node, { path: "auth/authenticate", body, what, signal }));
    return textOf(answer["token"]);
  }

  async function open(node: URL, { path, body, signal }: EtcdCall, more: Headers): Promise<IncomingMessage> {
    return openRequest({
      method: "POST",
      url: new URL(`/v3/${path}`, node),
      headers: {
        "content-type": "application/json",
        ...(token !== undefined && { authorization: token }),
        ...more,
      },
      body: JSON.stringify(body),
      tls,
      connectTimeoutMs: setting.dialTimeoutMs,
      signal,
    });
  }

  async function ask(node: URL, call: EtcdCall): Promise<JsonObject> {
    const signal = AbortSignal.any([
      call.signal,
      AbortSignal.timeout(answerTimeoutMs + setting.dialTimeoutMs),
    ]);
    try {
      const response = await open(node, { ...call, signal }, {});
      return await readAnswer(response, call, node);
    } catch (error) {
      call.signal.throwIfAborted();
      throw errorOfConnection(signal.aborted ? signal.reason : error, nameOfNode(node), tls);
    }
  }

  async function* streamFrom(node: URL, call: EtcdCall): AsyncGenerator<JsonObject, void, void> {
    const leaving = new AbortController();
    const signal = AbortSignal.any([call.signal, leaving.signal]);
    try {
      const response = await open(node, { ...call, signal }, leaderWanted);
      // A member that lost its power says nothing any more: the system finds out.
      response.socket.setKeepAlive(true, 5_000);
      if (response.statusCode !== 200) await readAnswer(response, call, node);
      for await (const line of readJsonLines(response as AsyncIterable<Buffer>)) {
        const { result, error } = isJsonObject(line) ? line : {};
        if (!isJsonObject(result)) throw errorOfStream(line, error, call, node);
        yield result;
      }
    } catch (error) {
      call.signal.throwIfAborted();
      throw errorOfConnection(error, nameOfNode(node), tls);
    } finally {
      leaving.abort();
    }
  }

  return {
    where,
    call: (call) => authorized(call.signal, () => atSomeNode((node) => ask(node, call))),
    async *stream(call) {
      if (setting.user !== undefined) token ??= await logIn(call.signal);
      const node = nodes[preferred % nodes.length] as URL;
      try {
        yield* streamFrom(node, call);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.isTemporary) preferred++;
        if (!isTokenForgotten(error)) throw error;
        token = undefined;
        throw new ApiError(error.message, { isTemporary: true, hasNoEffect: true });
      }
    },
  };
}

type Headers = Readonly<Record<string, string>>;

/** A member that has lost the leader ends such a stream, which would otherwise stay silent (etcd's `WithRequireLeader`). */
const leaderWanted: Headers = { "grpc-metadata-hasleader": "true" };

export function nameOfNode({ origin }: URL): string {
  return origin;
}

/** A stream's error has no HTTP status of its own: the one that came first was 200. */
function errorOfStream(line: unknown, error: unknown, { what }: EtcdCall, node: URL): ApiError {
  const code = isJsonObject(error) ? error["http_code"] : undefined;
  const isToken = JSON.stringify(error ?? "").includes("auth token");
  return errorOfAnswer(isToken ? 401 : typeof code === "number" ? code : 503, line, what, nameOfNode(node));
}

async function readAnswer(response: IncomingMessage, { what }: EtcdCall, node: URL): Promise<JsonObject> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maximumAnswerBytes) throw new Error("an answer without an end");
    chunks.push(chunk);
  }
  const status = response.statusCode ?? 0;
  const body = parseBody(Buffer.concat(chunks).toString("utf8"));
  if (status === 200 && isJsonObject(body)) return body;
  if (status === 200 || status === 404) if (!isJsonObject(body)) throw notEtcd(node, status);
  throw errorOfAnswer(status, body, what, nameOfNode(node));
}

/** A page of a proxy in between, or half an answer, comes with a 200: the next one may be whole. */
function notEtcd(node: URL, status: number): ApiError {
  const message = `what answers at ${nameOfNode(node)} does not speak etcd's JSON gateway (/v3): etcd 3.4 or newer is needed`;
  return new ApiError(message, { isTemporary: status === 200, hasNoEffect: status !== 200 });
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
