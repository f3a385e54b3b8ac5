/** The first line of a head: method, target, version (RFC 9112 3). */
import type { Head } from "./head.ts";
import { isTokenByte } from "./token.ts";

const SPACE = 32;
const DOT = 46;
const SLASH = 47;
const QUESTION = 63;

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
