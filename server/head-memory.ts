/**
 * Remembers the field section of the last request. A client's requests, and those of a proxy in front,
 * mostly differ in their first line alone; where all other bytes are equal, so is all that was read from them,
 * and comparing costs a tenth of parsing.
 */
import { concludeHead, Head, maxRequestLineBytes, parseRequestLine } from "./head.ts";

/** Longer field sections are not remembered: they are rare, and this is memory at rest. */
const rememberedBytes = 2048;
const unknown = -1;
const methodBytes = Buffer.from("GET ", "latin1");
const versionBytes = Buffer.from(" HTTP/1.1", "latin1");
const CR = 13;
const LF = 10;

export class HeadMemory {
  /** What recall() or remember() gave last; it is changed by the next call unless forget() came in between. */
  head: Head = new Head();
  /** The remembered bytes, from behind the request line to the blank line's end; empty where there are none. */
  private fields: Buffer = Buffer.alloc(0);
  /** Whether the remembered fields leave a GET the plain file, and the connection open. */
  private isPlain = false;
  targetEnd = 0;

  /**
   * The end of the head at `at` where it is a GET of HTTP/1.1 with the remembered fields, and these ask for
   * nothing but the file; -1 where not. `targetEnd` is then where the target ends, which starts at `at` + 4.
   */
  recallPlainGet(input: Buffer, at: number, length: number): number {
    const fields = this.fields;
    if (!this.isPlain) return unknown;
    const lineEnd = input.indexOf(CR, at);
    const start = lineEnd + 2;
    const end = start + fields.length;
    const targetEnd = lineEnd - versionBytes.length;
    if (end > length || targetEnd <= at + methodBytes.length || input[lineEnd + 1] !== LF) return unknown;
    if (fields.compare(input, start, end) !== 0) return unknown;
    if (methodBytes.compare(input, at, at + methodBytes.length) !== 0) return unknown;
    if (versionBytes.compare(input, targetEnd, lineEnd) !== 0) return unknown;
    this.targetEnd = targetEnd;
    return end;
  }

  /** Reads the head at `at` where its fields are the remembered ones. Returns its end, or -1. */
  recall(input: Buffer, at: number, length: number): number {
    const fields = this.fields;
    if (fields.length === 0) return unknown;
    const lineEnd = input.indexOf(CR, at);
    const start = lineEnd + 2;
    const end = start + fields.length;
    if (lineEnd < 0 || lineEnd - at > maxRequestLineBytes || end > length || input[lineEnd + 1] !== LF)
      return unknown;
    if (fields.compare(input, start, end) !== 0) return unknown;
    const head = this.head;
    head.error = 0;
    head.minor = 1;
    head.isPlainPath = false;
    parseRequestLine(head, input, at, lineEnd);
    if (head.error === 0) concludeHead(head);
    if (head.error !== 0) {
      // An erroneous head is nothing to go on from.
      this.forget();
      return unknown;
    }
    return end;
  }

  /** Takes a parsed head, and remembers its fields where nothing about them depends on the request. */
  remember(input: Buffer, start: number, end: number, head: Head): void {
    this.forget();
    this.head = head;
    const lineEnd = input.indexOf("\r\n", start);
    const isRepeatable =
      head.error === 0 && !head.hasContentLength && !head.hasTransferEncoding && head.expect === "";
    const length = end - lineEnd - 2;
    if (isRepeatable && lineEnd >= start && length <= rememberedBytes) {
      this.fields = Buffer.from(input.subarray(lineEnd + 2, end));
      this.isPlain = head.hasHost && !head.isConditional && head.keepAlive && head.minor === 1;
    }
  }

  /** Gives the head away to who keeps it. */
  forget(): void {
    this.isPlain = false;
    if (this.fields.length > 0) this.fields = Buffer.alloc(0);
    this.head = unusedHead;
  }
}

const unusedHead = new Head();
