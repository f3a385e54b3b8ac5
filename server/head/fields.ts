/** The field lines of a head (RFC 9112 5). */
import type { Head } from "./head.ts";
import { isHost } from "./host.ts";
import { isTokenByte } from "./token.ts";

const SPACE = 32;
const TAB = 9;
const COLON = 58;

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

/** Takes one field line; the bytes are those before its CRLF. */
export function parseField(
  head: Head,
  bytes: Buffer,
  start: number,
  end: number,
  keepLogFields: boolean,
): void {
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
