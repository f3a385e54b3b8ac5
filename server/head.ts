/**
 * The head of a request: request line and fields, read strictly (RFC 9112).
 * Whatever two servers could read in two ways is refused, since a proxy in front of
 * this one may read it the other way (request smuggling).
 */
import { trimSpace } from "./text.ts";

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const COLON = 58;
const DOT = 46;
const SLASH = 47;
const QUESTION = 63;

/** Above this the request line is answered 414 and the fields 431; nginx and Apache take 8 KiB. */
export const maxRequestLineBytes = 8192;
export const maxHeadBytes = 32768;
const maxFields = 100;

/** One parsed head. `error` is 0, or the status with which the connection is answered and closed. */
export class Head {
  error = 0;
  method = "";
  target = "";
  /** 0 or 1: the minor version of HTTP/1.x. */
  minor = 1;
  keepAlive = true;
  /** Whether the target is a path that needs no decoding and no escaping in the log, without a query. */
  isPlainPath = false;
  /** Whether a precondition or a range asks for more than the plain file. */
  isConditional = false;
  hasHost = false;
  /** Bytes of content that follow the head; -1 when it comes in chunks. */
  contentLength = 0;
  hasContentLength = false;
  hasTransferEncoding = false;
  transferEncoding = "";
  expect = "";
  connection = "";
  acceptEncoding = "";
  hasAcceptEncoding = false;
  ifMatch = "";
  ifNoneMatch = "";
  ifModifiedSince = "";
  ifUnmodifiedSince = "";
  ifRange = "";
  range = "";
  referer = "";
  userAgent = "";
  xForwardedFor = "";
  forwarded = "";
  /** What the log made of these fields, as long as they are the same. */
  logTail = "";
  logPeer = "";
  logClient = "";
}

/** Where a search for the end of a head stands: `end` is -1 while it is incomplete, -2 when it can't be one. */
export const headIncomplete = -1;
export const headMalformed = -2;

/**
 * Finds the byte after the blank line that ends a head.
 * A line ended by a bare LF is refused: RFC 9112 2.2 allows to accept it, but proxies differ on it.
 * @param from where to go on, at least one byte after `start` when a former call gave headIncomplete
 */
export function findHeadEnd(bytes: Buffer, start: number, from: number): number {
  const length = bytes.length;
  for (let i = from; i < length; i++) {
    if (bytes[i] !== LF) continue;
    if (i === start || bytes[i - 1] !== CR) return headMalformed;
    if (i - 3 >= start && bytes[i - 2] === LF) return i + 1;
  }
  return headIncomplete;
}

/** RFC 9110 5.6.2: token characters. */
function isTokenByte(byte: number): boolean {
  if (byte >= 97 && byte <= 122) return true;
  if (byte >= 65 && byte <= 90) return true;
  if (byte >= 48 && byte <= 57) return true;
  switch (byte) {
    case 33: // !
    case 35: // #
    case 36: // $
    case 37: // %
    case 38: // &
    case 39: // '
    case 42: // *
    case 43: // +
    case 45: // -
    case 46: // .
    case 94: // ^
    case 95: // _
    case 96: // `
    case 124: // |
    case 126: // ~
      return true;
    default:
      return false;
  }
}

/** Whether the bytes from start to end are `name`, in any letter case. `name` is lower case. */
function nameIs(bytes: Buffer, start: number, end: number, name: string): boolean {
  if (end - start !== name.length) return false;
  for (let i = start; i < end; i++) {
    let byte = bytes[i] ?? 0;
    if (byte >= 65 && byte <= 90) byte += 32;
    if (byte !== name.charCodeAt(i - start)) return false;
  }
  return true;
}

function joinValues(former: string, value: string): string {
  return former === "" ? value : `${former}, ${value}`;
}

/** Takes the method, without a new string for the two that matter; returns the place of the space behind it, or -1. */
function takeMethod(head: Head, bytes: Buffer, start: number, end: number): number {
  if (end - start > 5) {
    if (
      bytes[start] === 71 &&
      bytes[start + 1] === 69 &&
      bytes[start + 2] === 84 &&
      bytes[start + 3] === SPACE
    ) {
      head.method = "GET";
      return start + 3;
    }
  }
  let i = start;
  while (i < end && isTokenByte(bytes[i] ?? 0)) i++;
  if (i === start || i >= end || bytes[i] !== SPACE) return -1;
  head.method = bytes.toString("latin1", start, i);
  return i;
}

/** Reads the request line whose bytes, without its CRLF, run from `start` to `end`. */
export function parseRequestLine(head: Head, bytes: Buffer, start: number, end: number): void {
  const methodEnd = takeMethod(head, bytes, start, end);
  if (methodEnd < 0) {
    head.error = 400;
    return;
  }
  const targetStart = methodEnd + 1;
  let isPlain = targetStart < end && bytes[targetStart] === SLASH;
  let former = 0;
  let i = targetStart;
  while (i < end) {
    const byte = bytes[i] ?? 0;
    // Bytes above 127 are let through: some clients send UTF-8 unescaped, and it can't be mistaken.
    if (byte <= SPACE || byte === 127) break;
    if (byte <= SLASH) {
      // % and #, the beginnings of // and /., and what the log would have to escape.
      if (byte === 37 || byte === 35 || byte === 34) isPlain = false;
      else if (former === SLASH && (byte === DOT || byte === SLASH)) isPlain = false;
    } else if (byte === QUESTION || byte === 92 || byte > 126) isPlain = false;
    former = byte;
    i++;
  }
  if (i === targetStart || i >= end || bytes[i] !== SPACE) {
    head.error = 400;
    return;
  }
  head.target = bytes.toString("latin1", targetStart, i);
  head.isPlainPath = isPlain;
  parseVersion(head, bytes, i + 1, end);
}

/** Whether `HTTP/` stands at `start`; there are bytes enough. */
function isHttp(bytes: Buffer, start: number): boolean {
  return (
    bytes[start] === 72 &&
    bytes[start + 1] === 84 &&
    bytes[start + 2] === 84 &&
    bytes[start + 3] === 80 &&
    bytes[start + 4] === SLASH
  );
}

function parseVersion(head: Head, bytes: Buffer, start: number, end: number): void {
  if (end - start !== 8 || !isHttp(bytes, start) || bytes[start + 6] !== DOT) {
    head.error = 400;
    return;
  }
  const major = (bytes[start + 5] ?? 0) - 48;
  const minor = (bytes[start + 7] ?? 0) - 48;
  if (major < 0 || major > 9 || minor < 0 || minor > 9) head.error = 400;
  else if (major !== 1 || minor > 1) head.error = 505;
  else head.minor = minor;
}

/** Takes one field line; the bytes are those before its CRLF. */
function parseField(head: Head, bytes: Buffer, start: number, end: number, keepLogFields: boolean): void {
  let colon = start;
  while (colon < end && isTokenByte(bytes[colon] ?? 0)) colon++;
  // No name, a space before the colon (RFC 9112 5.1), a folded line (5.2): all refused here.
  if (colon === start || colon >= end || bytes[colon] !== COLON) {
    head.error = 400;
    return;
  }
  let from = colon + 1;
  let to = end;
  while (from < to && (bytes[from] === SPACE || bytes[from] === TAB)) from++;
  while (to > from && (bytes[to - 1] === SPACE || bytes[to - 1] === TAB)) to--;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] ?? 0;
    if ((byte < SPACE && byte !== TAB) || byte === 127) {
      head.error = 400;
      return;
    }
  }
  takeField(head, bytes, start, colon, from, to, keepLogFields);
}

/** Keeps the value of the fields that this server reads; the length of the name decides fast which may be meant. */
function takeField(
  head: Head,
  bytes: Buffer,
  start: number,
  colon: number,
  from: number,
  to: number,
  keepLogFields: boolean,
): void {
  switch (colon - start) {
    case 4:
      if (nameIs(bytes, start, colon, "host")) {
        // RFC 9112 3.2: more than one Host, or one that is none, is 400.
        if (head.hasHost || !isHost(bytes, from, to)) head.error = 400;
        head.hasHost = true;
      }
      break;
    case 5:
      if (nameIs(bytes, start, colon, "range")) {
        head.range = joinValues(head.range, bytes.toString("latin1", from, to));
        head.isConditional = true;
      }
      break;
    case 6:
      if (nameIs(bytes, start, colon, "expect")) {
        head.expect = joinValues(head.expect, bytes.toString("latin1", from, to));
      }
      break;
    case 7:
      if (keepLogFields && nameIs(bytes, start, colon, "referer"))
        head.referer = bytes.toString("latin1", from, to);
      break;
    case 8:
      if (nameIs(bytes, start, colon, "if-match")) {
        head.ifMatch = joinValues(head.ifMatch, bytes.toString("latin1", from, to));
        head.isConditional = true;
      } else if (nameIs(bytes, start, colon, "if-range")) {
        head.ifRange = joinValues(head.ifRange, bytes.toString("latin1", from, to));
        head.isConditional = true;
      }
      break;
    case 9:
      if (keepLogFields && nameIs(bytes, start, colon, "forwarded"))
        head.forwarded = joinValues(head.forwarded, bytes.toString("latin1", from, to));
      break;
    case 10:
      if (nameIs(bytes, start, colon, "connection")) {
        head.connection = joinValues(head.connection, bytes.toString("latin1", from, to));
      } else if (keepLogFields && nameIs(bytes, start, colon, "user-agent")) {
        head.userAgent = bytes.toString("latin1", from, to);
      }
      break;
    case 13:
      if (nameIs(bytes, start, colon, "if-none-match")) {
        head.ifNoneMatch = joinValues(head.ifNoneMatch, bytes.toString("latin1", from, to));
        head.isConditional = true;
      }
      break;
    case 14:
      if (nameIs(bytes, start, colon, "content-length")) {
        takeContentLength(head, bytes.toString("latin1", from, to));
      }
      break;
    case 15:
      if (nameIs(bytes, start, colon, "accept-encoding")) {
        head.hasAcceptEncoding = true;
        head.acceptEncoding = joinValues(head.acceptEncoding, bytes.toString("latin1", from, to));
      } else if (keepLogFields && nameIs(bytes, start, colon, "x-forwarded-for"))
        head.xForwardedFor = joinValues(head.xForwardedFor, bytes.toString("latin1", from, to));
      break;
    case 17:
      if (nameIs(bytes, start, colon, "transfer-encoding")) {
        head.hasTransferEncoding = true;
        head.transferEncoding = joinValues(head.transferEncoding, bytes.toString("latin1", from, to));
      } else if (nameIs(bytes, start, colon, "if-modified-since")) {
        head.ifModifiedSince = joinValues(head.ifModifiedSince, bytes.toString("latin1", from, to));
        head.isConditional = true;
      }
      break;
    case 19:
      if (nameIs(bytes, start, colon, "if-unmodified-since")) {
        head.ifUnmodifiedSince = joinValues(head.ifUnmodifiedSince, bytes.toString("latin1", from, to));
        head.isConditional = true;
      }
      break;
    default:
      break;
  }
}

/** RFC 9112 6.3: digits only; a list or a second, different value is refused. 15 digits are exact in a double. */
function takeContentLength(head: Head, text: string): void {
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) {
      head.error = 400;
      return;
    }
    value = value * 10 + digit;
  }
  if (text.length === 0 || text.length > 15 || (head.hasContentLength && value !== head.contentLength)) {
    head.error = 400;
    return;
  }
  head.hasContentLength = true;
  head.contentLength = value;
}

/** RFC 3986 3.2.2: what a registered name is made of, escapes aside. */
function isNameByte(byte: number): boolean {
  if (byte >= 97 && byte <= 122) return true;
  if (byte >= 48 && byte <= 57) return true;
  if (byte >= 65 && byte <= 90) return true;
  return byte === DOT || byte === 45 || (byte < 128 && "_~!$&'()*+,;=".includes(String.fromCharCode(byte)));
}

function isHexByte(byte: number): boolean {
  return (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 70) || (byte >= 97 && byte <= 102);
}

/** The end of an IP literal that starts with a bracket, or -1: hexadecimal digits, colons and dots (no zone, no future form). */
function literalEnd(bytes: Buffer, start: number, end: number): number {
  let i = start + 1;
  while (i < end && (isHexByte(bytes[i] ?? 0) || bytes[i] === COLON || bytes[i] === DOT)) i++;
  return i > start + 2 && i < end && bytes[i] === 93 ? i + 1 : -1;
}

/** Host = uri-host [ ":" port ] (RFC 9110 7.2); what is no host is 400 (RFC 9112 3.2). An empty one is allowed. */
function isHost(bytes: Buffer, start: number, end: number): boolean {
  let i = start;
  if (i < end && bytes[i] === 91) {
    i = literalEnd(bytes, start, end);
    if (i < 0) return false;
  } else {
    while (i < end && bytes[i] !== COLON) {
      const byte = bytes[i] ?? 0;
      if (byte === 37) {
        if (i + 2 >= end || !isHexByte(bytes[i + 1] ?? 0) || !isHexByte(bytes[i + 2] ?? 0)) return false;
        i += 2;
      } else if (!isNameByte(byte)) return false;
      i++;
    }
  }
  if (i < end && bytes[i] !== COLON) return false;
  for (i++; i < end; i++) {
    const digit = (bytes[i] ?? 0) - 48;
    if (digit < 0 || digit > 9) return false;
  }
  return true;
}

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

/** The status for a head that is still incomplete but already too long, or 0. */
export function oversizeStatus(bytes: Buffer, start: number): number {
  const length = bytes.length - start;
  if (length <= maxRequestLineBytes) return 0;
  const lineEnd = bytes.indexOf("\r\n", start);
  if (lineEnd < 0 || lineEnd - start > maxRequestLineBytes) return 414;
  return length > maxHeadBytes ? 431 : 0;
}
