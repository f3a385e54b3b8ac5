/** Access log on stdout, in Apache's combined format or in JSON. Times are UTC: an image FROM scratch knows no other zone. */
import * as fs from "node:fs";
import type { Head } from "./head/head.ts";
import { formatLogDate } from "./http-date.ts";

const hexDigits = "0123456789abcdef";
const flushMs = 100;
const flushLines = 200;

/** As Apache does since 2.0.46: quotes, backslashes and what is not printable ASCII are escaped, so that no client writes lines of its own. */
export function escapeField(text: string): string {
  return escapeText(text, "\\x");
}

/** @param mark goes before the two hexadecimal digits of a byte: `\x`, or `\u00` for JSON */
function escapeText(text: string, mark: string): string {
  const parts: string[] = [];
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 32 && code < 127 && code !== 34 && code !== 92) continue;
    parts.push(text.slice(from, i));
    if (code === 34 || code === 92) parts.push(`\\${text.charAt(i)}`);
    else parts.push(`${mark}${hexDigits.charAt((code >> 4) & 15)}${hexDigits.charAt(code & 15)}`);
    from = i + 1;
  }
  parts.push(text.slice(from));
  return parts.join("");
}

/** The end of a combined line, which depends on the client's fields alone: `"-" "curl/8"` and the line's end. */
export function tailOf(head: Head): string {
  if (head.logTail === "") head.logTail = `"${orDash(head.referer)}" "${orDash(head.userAgent)}"\n`;
  return head.logTail;
}

function orDash(text: string): string {
  return text === "" ? "-" : escapeField(text);
}

/** The middle of a combined line: `GET / HTTP/1.1" 200 2326 `. */
export function formatOutcome(head: Head, status: number, bytes: number): string {
  const target = head.isPlainPath ? head.target : escapeField(head.target);
  const request = head.method === "" ? "-" : `${escapeField(head.method)} ${target} HTTP/1.${head.minor}`;
  return `${request}" ${status} ${bytes === 0 ? "-" : `${bytes}`} `;
}

function quoted(text: string): string {
  return `"${escapeText(text, "\\u00")}"`;
}

/**
 * The same as one line of JSON (RFC 8259). Bytes above 127 stand as the characters of the same number: what clients send
 * need not be UTF-8.
 * @param time `2000-10-10T13:55:36.123Z`
 */
export function formatJsonLine(
  address: string,
  time: string,
  head: Head,
  status: number,
  bytes: number,
  durationMs: number,
): string {
  const request = `"method":${quoted(head.method)},"path":${quoted(head.target)}`;
  const outcome = `"status":${status},"bytes":${bytes},"durationMs":${Math.round(durationMs * 1000) / 1000}`;
  const client = `"referer":${quoted(head.referer)},"userAgent":${quoted(head.userAgent)}`;
  return `{"time":"${time}","address":${quoted(address)},${request},${outcome},${client}}`;
}

/** The beginning of a combined line. @param time `10/Oct/2000:13:55:36 +0000` */
export function formatPrefix(address: string, time: string): string {
  return `${address} - - [${time}] "`;
}

/** Lines are written together, a tenth of a second after the first: a write each would cost as much as the answer. */
export class AccessLog {
  readonly isJson: boolean;
  /** Pieces of lines, put together when they are written. */
  private pieces: string[] = [];
  private lines = 0;
  private timeSecond = -1;
  private time = "";
  private dueMs = 0;
  /** The beginning of the last combined line: most lines of a second and client share it. */
  private prefix = "";
  private prefixAddress = "";
  /** @param format "combined" or "json" */
  constructor(format = "combined") {
    this.isJson = format === "json";
  }

  record(
    address: string,
    head: Head,
    status: number,
    bytes: number,
    nowMs: number,
    durationMs: number,
  ): void {
    this.beginLine(address, nowMs);
    if (this.isJson) {
      const time = `${this.time}${`${nowMs - this.timeSecond * 1000}`.padStart(3, "0")}Z`;
      this.pieces.push(formatJsonLine(address, time, head, status, bytes, durationMs), "\n");
    } else this.pieces.push(this.prefix, formatOutcome(head, status, bytes), tailOf(head));
    if (this.lines >= flushLines) this.flush();
  }

  /** A combined line whose middle (formatOutcome) was made before. */
  recordOutcome(address: string, head: Head, outcome: string, nowMs: number): void {
    this.beginLine(address, nowMs);
    this.pieces.push(this.prefix, outcome, tailOf(head));
    if (this.lines >= flushLines) this.flush();
  }

  private beginLine(address: string, nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    const isSameSecond = second === this.timeSecond;
    if (!isSameSecond) {
      this.timeSecond = second;
      this.time = this.isJson ? new Date(nowMs).toISOString().slice(0, 20) : formatLogDate(nowMs);
    }
    if (!this.isJson && (!isSameSecond || address !== this.prefixAddress)) {
      this.prefixAddress = address;
      this.prefix = formatPrefix(address, this.time);
    }
    if (this.lines === 0) this.dueMs = nowMs + flushMs;
    this.lines += 1;
  }

  /** In how many milliseconds lines have to be written; -1 where there are none. */
  dueInMs(nowMs: number): number {
    if (this.lines === 0) return -1;
    return Math.min(flushMs, Math.max(0, this.dueMs - nowMs));
  }

  flushIfDue(nowMs: number): void {
    if (this.dueInMs(nowMs) === 0) this.flush();
  }

  flush(): void {
    if (this.lines === 0) return;
    // All of it is ASCII by now.
    const bytes = Buffer.from(this.pieces.join(""), "utf8");
    this.pieces = [];
    this.lines = 0;
    try {
      let written = 0;
      while (written < bytes.length) written += fs.writeSync(1, bytes, written, bytes.length - written);
    } catch {
      // A reader that went away, or a full non-blocking pipe: the log loses lines, the site goes on being served.
    }
  }
}
