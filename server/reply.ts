/** Replies as values, and their heads as text (RFC 9112 4). */
import type { Multipart } from "./multipart.ts";
import type { Representation } from "./representation.ts";

const EMPTY = Buffer.alloc(0);
/** No answer is to be taken for another type than it says, whatever its content looks like. */
const noSniff = "X-Content-Type-Options: nosniff\r\n";

export class Reply {
  readonly status: number;
  /** Field lines, each with its CRLF; without Date, Content-Length and Connection. */
  readonly fields: string;
  /** Content held in memory; a file's is read from `source` instead. */
  content: Buffer = EMPTY;
  source: Representation | null = null;
  /** The part of the source that is sent. */
  start = 0;
  length = 0;
  /** Where there is one, it is the content, with pieces of the source; `length` counts all. */
  multipart: Multipart | null = null;
  /** False for 204 and 304, which have no content and no Content-Length. */
  hasContent = true;
  /** The decoded path of the file that was found, for the metrics, or "". */
  path = "";
  /** Health and metrics are neither logged nor counted. */
  isRecorded = true;
  /** Of a reply that is sent again and again: its head to HTTP/1.1 over a connection that stays, as of a second. */
  head = "";
  headSecond = -1;
  constructor(status: number, fields: string) {
    this.status = status;
    this.fields = fields;
  }
}

/** Stands for none, where null would cost an object natively. */
export const noReply = new Reply(0, "");

export function reasonPhrase(status: number): string {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 412:
      return "Precondition Failed";
    case 414:
      return "URI Too Long";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

export function replyWithText(status: number, fields: string, type: string, text: string): Reply {
  const reply = new Reply(status, `Content-Type: ${type}\r\n${fields}`);
  reply.content = Buffer.from(text, "utf8");
  reply.length = reply.content.length;
  return reply;
}

/** An error's reply: its status in words. */
export function replyWithError(status: number, fields: string): Reply {
  return replyWithText(status, fields, "text/plain; charset=utf-8", `${status} ${reasonPhrase(status)}\n`);
}

export function replyWithoutContent(status: number, fields: string): Reply {
  const reply = new Reply(status, fields);
  reply.hasContent = false;
  return reply;
}

/** `HTTP/1.1 200 OK` and its line's end, made once for the statuses that come most. */
const statusLines = new Map<number, string>();

function statusLine(status: number): string {
  const known = statusLines.get(status);
  if (known !== undefined) return known;
  const line = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`;
  statusLines.set(status, line);
  return line;
}

function connectionField(minor: number, keepAlive: boolean): string {
  if (!keepAlive) return "Connection: close\r\n";
  return minor === 0 ? "Connection: keep-alive\r\n" : "";
}

/**
 * The head of a reply, blank line included.
 * @param dateField the Date field's line
 * @param minor HTTP/1.minor of the request: 1.0 has to be told of a connection that stays, 1.1 of one that ends
 */
export function renderHead(reply: Reply, dateField: string, minor: number, keepAlive: boolean): string {
  const length = reply.hasContent ? `Content-Length: ${reply.length}\r\n` : "";
  const parts = [statusLine(reply.status), dateField, noSniff, reply.fields, length];
  parts.push(connectionField(minor, keepAlive), "\r\n");
  return parts.join("");
}
