/** Requests out of what came in, one after the other: heads are read, content is skipped. */
import type { Head } from "../head/head.ts";
import { findHeadEnd, headIncomplete, headMalformed, oversizeStatus } from "../head/head-end.ts";
import type { HeadMemory } from "../head/head-memory.ts";
import { parseHead } from "../head/head-parser.ts";
import { ChunkedContent } from "./chunked.ts";

const CR = 13;
const LF = 10;
/** Content of a request is skipped up to here, to keep the connection; beyond, it is closed. */
const skippedBytes = 1024 * 1024;
/** In place of where the content ends: what came is no such content. */
export const contentMalformed = -1;

export class RequestReader {
  /** Of a head that has begun and not ended, how much was searched for its end. */
  scanned = 0;
  /** Of the last request's content, what is to come. */
  private contentBytes = 0;
  /** The same of content in chunks. */
  private chunked: ChunkedContent | null = null;

  /** Has the content that follows a head skipped; false where it is too much of it. */
  skipContentOf(head: Head): boolean {
    if (head.contentLength > skippedBytes) return false;
    if (head.contentLength < 0) this.chunked = new ChunkedContent(skippedBytes);
    else this.contentBytes = head.contentLength;
    return true;
  }

  /** Where the content at `at` ends, and the empty lines behind it; contentMalformed. */
  skip(input: Buffer, at: number, length: number): number {
    let end = at;
    if (this.contentBytes > 0) {
      end = Math.min(at + this.contentBytes, length);
      this.contentBytes -= end - at;
    } else if (this.chunked !== null) end = this.skipChunked(this.chunked, input, at, length);
    if (end < 0 || this.scanned > 0) return end;
    // RFC 9112 2.2: an empty line before a request is ignored.
    while (end + 1 < length && input[end] === CR && input[end + 1] === LF) end += 2;
    return end;
  }

  private skipChunked(chunked: ChunkedContent, input: Buffer, at: number, length: number): number {
    const end = chunked.skip(input, at, length);
    if (end < 0 || chunked.isDone()) this.chunked = null;
    return end < 0 ? contentMalformed : end;
  }

  /**
   * Reads the head at `at` to the memory's `head`. Returns where it ends, or headIncomplete, or less: the status that it
   * is refused with, negated.
   */
  readHead(memory: HeadMemory, input: Buffer, at: number, length: number, keepLogFields: boolean): number {
    const known = this.scanned === 0 ? memory.recall(input, at, length) : headIncomplete;
    if (known >= 0) return known;
    const received = length === input.length ? input : input.subarray(0, length);
    const end = findHeadEnd(received, at, at + this.scanned);
    if (end === headMalformed) return -400;
    if (end === headIncomplete) {
      this.scanned = length - at;
      const status = oversizeStatus(received, at);
      return status === 0 ? headIncomplete : -status;
    }
    this.scanned = 0;
    memory.remember(received, at, end, parseHead(received, at, end, keepLogFields));
    return end;
  }
}
