/**
 * Reads the head of a request, line by line and strictly (RFC 9112).
 * Whatever two servers could read in two ways is refused, since a proxy in front of
 * this one may read it the other way (request smuggling).
 */
import { trimSpace } from "../text.ts";
import { parseField } from "./fields.ts";
import { Head } from "./head.ts";
import { maxFields, maxHeadBytes, maxRequestLineBytes } from "./head-end.ts";
import { parseRequestLine } from "./request-line.ts";

const LF = 10;

/** Whether a comma-separated list holds `item`, in any letter case. */
export function listIncludes(list: string, item: string): boolean {
  if (list === "") return false;
  for (const part of list.toLowerCase().split(",")) {
    if (trimSpace(part) === item) return true;
  }
  return false;
}

/** What the fields mean together with the version; sets `error`, `keepAlive` and `contentLength`. */
export function concludeHead(head: Head): void {
  if (head.minor === 1 && !head.hasHost) {
    head.error = 400;
    return;
  }
  if (head.hasTransferEncoding) {
    // RFC 9112 6.1: with Content-Length, or from HTTP/1.0, it is an attack or a broken proxy.
    if (head.hasContentLength || head.minor === 0) head.error = 400;
    else if (head.transferEncoding.toLowerCase() !== "chunked") head.error = 501;
    else head.contentLength = -1;
    if (head.error !== 0) return;
  }
  if (head.expect !== "" && head.expect.toLowerCase() !== "100-continue") {
    head.error = 417;
    return;
  }
  if (head.minor === 1) head.keepAlive = head.connection === "" || !listIncludes(head.connection, "close");
  else
    head.keepAlive = listIncludes(head.connection, "keep-alive") && !listIncludes(head.connection, "close");
}

/**
 * Parses the head whose bytes run from `start` to `end` (as findHeadEnd gave it).
 * On an error the rest is unread: `method` and `target` may be empty.
 * @param keepLogFields whether Referer and User-Agent are wanted
 */
export function parseHead(bytes: Buffer, start: number, end: number, keepLogFields = true): Head {
  const head = new Head();
  let lineStart = start;
  let line = 0;
  for (let i = start; i < end; i++) {
    if (bytes[i] !== LF) continue;
    const lineEnd = i - 1;
    if (line === 0) {
      if (lineEnd - lineStart > maxRequestLineBytes) head.error = 414;
      else parseRequestLine(head, bytes, lineStart, lineEnd);
    } else if (lineEnd > lineStart) {
      if (line > maxFields || end - start > maxHeadBytes) head.error = 431;
      else parseField(head, bytes, lineStart, lineEnd, keepLogFields);
    }
    if (head.error !== 0) break;
    line++;
    lineStart = i + 1;
  }
  if (head.error === 0) concludeHead(head);
  if (head.error !== 0) head.keepAlive = false;
  return head;
}
