import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { TlsOptions } from "./tls.ts";

export interface OutgoingRequest {
  method: string;
  url: URL;
  headers?: Readonly<Record<string, string>>;
  tls?: TlsOptions | undefined;
  signal: AbortSignal;
}

export interface Answer {
  status: number;
  headers: IncomingMessage["headers"];
  body: string;
}

/** No answer that the hook asks for is longer; what comes after is not read. */
const maximumAnswerBytes = 64 * 1024;

/**
 * One request, one answer, and no redirect followed: a redirect could lead what the request carries elsewhere.
 * Not `fetch`, which cannot be given a certificate authority of its own.
 */
export function sendRequest({ method, url, headers = {}, tls, signal }: OutgoingRequest): Promise<Answer> {
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(url, {
      method,
      headers: { "content-length": "0", ...headers },
      signal,
      agent: false,
      ...tls,
    });
    request.on("error", reject);
    request.on("response", (response) => {
      readText(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        reject,
      );
    });
    request.end();
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > maximumAnswerBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maximumAnswerBytes).toString("utf8");
}
