import {
  type ClientRequest,
  type Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";

/** What is needed to reach a registry whose certificate is not from a public authority. */
export interface RegistryTls {
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
  servername?: string;
  /** `false` takes any certificate. */
  rejectUnauthorized?: boolean;
}

export interface RegistryRequest {
  method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  url: URL;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array | Readable;
  /** Keeps connections open between requests; each has its own without. */
  agent?: HttpAgent | undefined;
  tls?: RegistryTls | undefined;
  signal: AbortSignal;
  /** How long a server may be silent before and between bytes. */
  idleTimeoutMs?: number;
}

export interface RegistryAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** The distribution specification has clients and registries take manifests of 4 MiB at least; none comes near it. */
const maximumBodyBytes = 4 * 1024 * 1024;
const maximumRedirects = 5;

/** Thrown for what a server did, as opposed to what happened on the way to it. */
export class TransportError extends Error {}

/** An answer whose content is still on its way. */
export interface OpenAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  stream: IncomingMessage;
}

/**
 * One request and its answer, redirects followed: registries send readers on to where the bytes lie. What
 * authenticates goes to the first host only. Not `fetch`, which cannot be given a certificate authority.
 */
export async function exchange(request: RegistryRequest): Promise<RegistryAnswer> {
  const { status, headers, stream } = await openAnswer(request);
  return { status, headers, body: await readBody(stream) };
}

/** The same, for content of any length. Who asks has to read the stream to its end or destroy it. */
export async function openAnswer(request: RegistryRequest): Promise<OpenAnswer> {
  let { url, headers = {}, tls } = request;
  for (let redirects = 0; redirects <= maximumRedirects; redirects++) {
    const answer = await send({ ...request, url, headers, tls });
    const to = nextPlace(answer, url);
    const isFollowed = request.method === "GET" || request.method === "HEAD";
    if (to === undefined || !isFollowed) return answer;
    answer.stream.destroy();
    if (to.host !== url.host) {
      headers = withoutAuthorization(headers);
      // A client certificate and a name to check for are the first host's.
      tls = tls?.ca === undefined ? undefined : { ca: tls.ca };
    }
    url = to;
  }
  throw new TransportError(`${request.url.host} redirects without end`);
}

const redirectStatuses = new Set([301, 302, 303, 307, 308]);

function nextPlace({ status, headers, stream }: OpenAnswer, from: URL): URL | undefined {
  if (!redirectStatuses.has(status) || headers.location === undefined) return undefined;
  const to = URL.parse(headers.location, from);
  const isUsable = to?.protocol === "https:" || (to?.protocol === "http:" && from.protocol === "http:");
  if (to !== null && isUsable) return to;
  stream.destroy();
  throw new TransportError(`${from.host} redirects to a place that is not https`);
}

function withoutAuthorization(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"),
  );
}

function send(options: RegistryRequest): Promise<OpenAnswer> {
  const { method, url, headers, body, tls, signal, idleTimeoutMs, agent } = options;
  const start = url.protocol === "https:" ? httpsRequest : httpRequest;
  // An agent is for one of the two protocols, which a redirect may change.
  const usable = agent !== undefined && "protocol" in agent && agent.protocol === url.protocol;
  return new Promise((resolve, reject) => {
    const request = start(url, { method, headers, signal, agent: usable ? agent : false, ...tls });
    request.on("error", reject);
    let response: IncomingMessage | undefined;
    request.on("response", (stream) => {
      response = stream;
      resolve({ status: stream.statusCode ?? 0, headers: stream.headers, stream });
    });
    if (idleTimeoutMs !== undefined) {
      const silence = `${url.host} sent nothing for ${idleTimeoutMs / 1000} s`;
      request.setTimeout(idleTimeoutMs, () => {
        const error = Object.assign(new Error(silence), { code: "ETIMEDOUT" });
        request.destroy(error);
        // Of a request that has its answer already, nobody hears errors.
        response?.destroy(error);
      });
    }
    if (body instanceof Readable) sendStream(request, body);
    else request.end(body);
  });
}

/** A server may answer before it has read all, and reads no more then. */
function sendStream(request: ClientRequest, body: Readable): void {
  body.on("error", (error) => request.destroy(error));
  request.on("close", () => body.destroy());
  request.on("response", (response) => {
    if (request.writableFinished) return;
    body.unpipe(request).destroy();
    response.on("close", () => request.destroy());
  });
  body.pipe(request);
}

export async function readBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > maximumBodyBytes) {
      throw new TransportError(`the answer is longer than ${maximumBodyBytes / 1024 / 1024} MiB`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
