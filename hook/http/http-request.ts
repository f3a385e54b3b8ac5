import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import type { TlsOptions } from "./tls.ts";

export interface OutgoingRequest {
  method: string;
  url: URL;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  tls?: TlsOptions | undefined;
  /** How the connection is made, where it is not as the URL has it. */
  connection?: { lookup?: LookupFunction; port?: number; socketPath?: string } | undefined;
  /** For the connection alone; the whole is the signal's affair. */
  connectTimeoutMs?: number | undefined;
  signal: AbortSignal;
  /** More of the answer is not read. */
  maximumBytes?: number;
}

export interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  body: string;
}

/** No answer of an API that the hook asks is longer. */
const defaultMaximumBytes = 64 * 1024;

/** One request and its whole answer, read as text. */
export async function sendRequest(request: OutgoingRequest): Promise<Answer> {
  const response = await openRequest(request);
  const body = await readText(response, request.maximumBytes ?? defaultMaximumBytes);
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

/**
 * One request, and its answer as it comes in: no redirect is followed, which could lead what the request carries
 * elsewhere. Not `fetch`, which cannot be given a certificate authority of its own.
 */
export function openRequest({
  method,
  url,
  headers = {},
  body = "",
  tls,
  connection,
  connectTimeoutMs,
  signal,
}: Omit<OutgoingRequest, "maximumBytes">): Promise<IncomingMessage> {
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(url, {
      method,
      headers: { "content-length": String(Buffer.byteLength(body)), ...headers },
      signal,
      agent: false,
      ...tls,
      ...connection,
    });
    request.on("error", reject);
    request.on("response", resolve);
    if (connectTimeoutMs !== undefined) limitConnecting(request, url, connectTimeoutMs);
    request.end(body);
  });
}

/** A host that is down does not even refuse: the system itself would wait for two minutes. */
function limitConnecting(request: ClientRequest, { protocol }: URL, timeoutMs: number): void {
  request.once("socket", (socket) => {
    const late = Object.assign(new Error("no connection in time"), { code: "ERR_CONNECT_TIMEOUT" });
    const timer = setTimeout(() => request.destroy(late), timeoutMs);
    for (const event of [protocol === "https:" ? "secureConnect" : "connect", "close"])
      socket.once(event, () => clearTimeout(timer));
  });
}

async function readText(response: IncomingMessage, maximumBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > maximumBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maximumBytes).toString("utf8");
}
