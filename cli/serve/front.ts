/** Stands before the server while one works on a site: makes its pages live, keeps the browser from keeping files, logs. */
import { randomBytes } from "node:crypto";
import * as http from "node:http";
import { pipeline } from "node:stream";
import { allowLiveScript } from "./content-policy.ts";
import type { LiveReload } from "./live-reload.ts";
import { eventsPath, liveScript, scriptElement, scriptPath } from "./live-script.ts";
import type { LogEntry } from "./log.ts";

export interface Front {
  /** The port of the server behind, on 127.0.0.1. */
  port: number;
  /** `undefined` where pages are to stay as they are. */
  live: LiveReload | undefined;
  log: (entry: LogEntry) => void;
}

/** What would make an answer to a page's request something else than the whole page as text. */
const conditions = ["if-none-match", "if-modified-since", "if-range", "range", "accept-encoding"];
/** What says how a page may be kept, or counts its bytes: it is not the file's any more. */
const ofTheFile = ["content-length", "etag", "last-modified", "accept-ranges"];

export function createFront({ port, live, log }: Front): http.Server {
  const agent = new http.Agent({ keepAlive: true });
  const server = http.createServer((request, response) => {
    const path = request.url?.split("?", 1)[0];
    if (live !== undefined && path === eventsPath) return live.listen(response);
    if (live !== undefined && path === scriptPath) return sendScript(response);
    forward(request, response);
  });
  server.on("close", () => agent.destroy());
  return server;

  function forward(request: http.IncomingMessage, response: http.ServerResponse): void {
    const startedMs = performance.now();
    const isPage = live !== undefined && asksForPage(request);
    const { method = "GET", url: path = "/" } = request;
    const headers: http.OutgoingHttpHeaders = {
      ...request.headers,
      "x-forwarded-for": request.socket.remoteAddress,
    };
    if (isPage) for (const name of conditions) delete headers[name];
    const behind = http.request({ agent, host: "127.0.0.1", port, method, path, headers }, (answer) => {
      const sent = reply(answer, response, isPage && method === "GET");
      response.on("finish", () =>
        log({
          method,
          path,
          status: answer.statusCode ?? 0,
          bytes: sent(),
          durationMs: performance.now() - startedMs,
        }),
      );
    });
    behind.on("error", () => response.destroy());
    response.on("close", () => behind.destroy());
    pipeline(request, behind, () => {});
  }

  /** Returns how many bytes of content were sent. */
  function reply(answer: http.IncomingMessage, response: http.ServerResponse, isPage: boolean): () => number {
    let bytes = 0;
    const headers = { ...answer.headers };
    delete headers["connection"];
    delete headers["keep-alive"];
    const isHtml = headers["content-type"]?.startsWith("text/html") === true;
    const isLive = live !== undefined && isPage && isHtml;
    const nonce = randomBytes(9).toString("base64");
    if (isLive) makeLive(headers, nonce);
    // "immutable" would outlast this site on this port.
    else if (live !== undefined && headers["cache-control"] !== undefined)
      headers["cache-control"] = "no-cache";
    response.writeHead(answer.statusCode ?? 500, headers);
    answer.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    answer.pipe(response, { end: false });
    answer.on("end", () => response.end(isLive ? scriptElement(live.state, nonce) : undefined));
    answer.on("error", () => response.destroy());
    return () => bytes;
  }
}

/** Not what a script fetches: a fragment of a page is none. Browsers leave the field out where a page is not secure. */
function asksForPage({ headers }: http.IncomingMessage): boolean {
  const destination = headers["sec-fetch-dest"];
  if (destination !== undefined) return ["document", "iframe", "frame"].includes(String(destination));
  return headers.accept?.includes("text/html") === true;
}

function makeLive(headers: http.IncomingHttpHeaders, nonce: string): void {
  for (const name of ofTheFile) delete headers[name];
  headers["cache-control"] = "no-store";
  const policy = headers["content-security-policy"];
  if (policy !== undefined) headers["content-security-policy"] = allowLiveScript(String(policy), nonce);
}

function sendScript(response: http.ServerResponse): void {
  response.writeHead(200, { "Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "no-store" });
  response.end(liveScript);
}
