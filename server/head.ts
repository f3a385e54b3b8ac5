/**
 * The head of a request: request line and fields, read strictly (RFC 9112).
 * Whatever two servers could read in two ways is refused, since a proxy in front of
 * this one may read it the other way (request smuggling).
 */

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const COLON = 58;

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
  hasHost = false;
  host = "";
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

function parseRequestLine(head: Head, bytes: Buffer, start: number, end: number): void {
  let i = start;
  while (i < end && isTokenByte(bytes[i] ?? 0)) i++;
  if (i === start || i >= end || bytes[i] !== SPACE) {
    head.error = 400;
    return;
  }
  head.method = bytes.toString("latin1", start, i);
  const targetStart = i + 1;
  i = targetStart;
  // Bytes above 127 are let through: some clients send UTF-8 unescaped, and it can't be mistaken.
  while (i < end && (bytes[i] ?? 0) > SPACE && bytes[i] !== 127) i++;
  if (i === targetStart || i >= end || bytes[i] !== SPACE) {
    head.error = 400;
    return;
  }
  head.target = bytes.toString("latin1", targetStart, i);
  parseVersion(head, bytes.toString("latin1", i + 1, end));
}

function parseVersion(head: Head, version: string): void {
  if (version === "HTTP/1.1") return;
  if (version === "HTTP/1.0") head.minor = 0;
  else head.error = isVersion(version) ? 505 : 400;
}

function isVersion(text: string): boolean {
  if (text.length !== 8 || !text.startsWith("HTTP/") || text.charCodeAt(6) !== 46) return false;
  const major = text.charCodeAt(5);
  const minor = text.charCodeAt(7);
  return major >= 48 && major <= 57 && minor >= 48 && minor <= 57;
}

/** Takes one field line; the bytes are those before its CRLF. */
function parseField(head: Head, bytes: Buffer, start: number, end: number): void {
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
  takeField(head, bytes, start, colon, from, to);
}

/** Keeps the value of the fields that this server reads; the length of the name decides fast which may be meant. */
function takeField(head: Head, bytes: Buffer, start: number, colon: number, from: number, to: number): void {
  switch (colon - start) {
    case 4:
      if (nameIs(bytes, start, colon, "host")) {
        // RFC 9112 3.2: more than one Host is 400.
        if (head.hasHost) head.error = 400;
        head.hasHost = true;
        head.host = bytes.toString("latin1", from, to);
      }
      break;
    case 5:
      if (nameIs(bytes, start, colon, "range")) {
        head.range = joinValues(head.range, bytes.toString("latin1", from, to));
      }
      break;
    case 6:
      if (nameIs(bytes, start, colon, "expect")) {
        head.expect = joinValues(head.expect, bytes.toString("latin1", from, to));
      }
      break;
    case 7:
      if (nameIs(bytes, start, colon, "referer")) head.referer = bytes.toString("latin1", from, to);
      break;
    case 8:
      if (nameIs(bytes, start, colon, "if-match")) {
        head.ifMatch = joinValues(head.ifMatch, bytes.toString("latin1", from, to));
      } else if (nameIs(bytes, start, colon, "if-range")) {
        head.ifRange = joinValues(head.ifRange, bytes.toString("latin1", from, to));
      }
      break;
    case 10:
      if (nameIs(bytes, start, colon, "connection")) {
        head.connection = joinValues(head.connection, bytes.toString("latin1", from, to));
      } else if (nameIs(bytes, start, colon, "user-agent")) {
        head.userAgent = bytes.toString("latin1", from, to);
      }
      break;
    case 13:
      if (nameIs(bytes, start, colon, "if-none-match")) {
        head.ifNoneMatch = joinValues(head.ifNoneMatch, bytes.toString("latin1", from, to));
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
      }
      break;
    case 17:
      if (nameIs(bytes, start, colon, "transfer-encoding")) {
        head.hasTransferEncoding = true;
        head.transferEncoding = joinValues(head.transferEncoding, bytes.toString("latin1", from, to));
      } else if (nameIs(bytes, start, colon, "if-modified-since")) {
        head.ifModifiedSince = joinValues(head.ifModifiedSince, bytes.toString("latin1", from, to));
      }
      break;
    case 19:
      if (nameIs(bytes, start, colon, "if-unmodified-since")) {
        head.ifUnmodifiedSince = joinValues(head.ifUnmodifiedSince, bytes.toString("latin1", from, to));
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

/** Host = uri-host [ ":" port ] (RFC 9110 7.2): a rough check that leaves no room for another reading. */
function isHost(host: string): boolean {
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i);
    const isLetter = (code >= 97 && code <= 122) || (code >= 65 && code <= 90);
    const isDigit = code >= 48 && code <= 57;
    if (!isLetter && !isDigit && !"-._~%!$&'()*+,;=:[]".includes(host.charAt(i))) return false;
  }
  return true;
}

/** Whether a comma-separated list holds `item`, in any letter case. */
export function listIncludes(list: string, item: string): boolean {
  if (list === "") return false;
  for (const part of list.toLowerCase().split(",")) {
    if (part.trim() === item) return true;
  }
  return false;
}

/** What the fields mean together; sets `error`, `keepAlive` and `contentLength`. */
function concludeHead(head: Head): void {
  if ((head.minor === 1 && !head.hasHost) || !isHost(head.host)) {
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
  if (head.minor === 1) head.keepAlive = !listIncludes(head.connection, "close");
  else
    head.keepAlive = listIncludes(head.connection, "keep-alive") && !listIncludes(head.connection, "close");
}

/**
 * Parses the head whose bytes run from `start` to `end` (as findHeadEnd gave it).
 * On an error the rest is unread: `method` and `target` may be empty.
 */
export function parseHead(bytes: Buffer, start: number, end: number): Head {
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
      else parseField(head, bytes, lineStart, lineEnd);
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
