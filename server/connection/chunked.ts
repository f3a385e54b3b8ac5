/**
 * Content of a request that comes in chunks (RFC 9112 7.1): read strictly and skipped, trailers too, so that the
 * connection can be kept. What another server might read in another way is malformed here.
 */
import { isTokenByte } from "../head/token.ts";

const CR = 13;
const LF = 10;
const COLON = 58;
const SEMICOLON = 59;

/** What the next byte belongs to. */
const sizeStart = 0;
const size = 1;
const extension = 2;
const sizeEnd = 3;
const data = 4;
const dataCR = 5;
const dataLF = 6;
const lineStart = 7;
const trailerName = 8;
const trailerValue = 9;
const trailerEnd = 10;
const lastLF = 11;
const done = 12;
const malformed = 13;

function hexValue(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte >= 97 ? byte - 32 : byte;
  return letter >= 65 && letter <= 70 ? letter - 55 : -1;
}

/** Of an extension or a trailer's value: no control character but HTAB. */
function afterText(byte: number, here: number, afterCR: number): number {
  if (byte === CR) return afterCR;
  return (byte < 32 && byte !== 9) || byte === 127 ? malformed : here;
}

export class ChunkedContent {
  private state = sizeStart;
  private chunkBytes = 0;
  private budgetBytes: number;

  /** @param limitBytes of content, sizes, extensions and trailers together */
  constructor(limitBytes: number) {
    this.budgetBytes = limitBytes;
  }

  isDone(): boolean {
    return this.state === done;
  }

  /** Reads what came in from `at` to `end`; returns where the content ends, `end`, or -1 where it is no such content. */
  skip(input: Buffer, at: number, end: number): number {
    let i = at;
    while (i < end && this.state !== done) {
      if (this.state === data) {
        const count = Math.min(this.chunkBytes, end - i);
        this.chunkBytes -= count;
        this.budgetBytes -= count;
        i += count;
        if (this.chunkBytes === 0) this.state = dataCR;
        continue;
      }
      this.state = this.after(input[i] ?? 0);
      this.budgetBytes -= 1;
      i++;
      if (this.state === malformed || this.budgetBytes < 0) return -1;
    }
    return i;
  }

  /** The state that a byte leads to. */
  private after(byte: number): number {
    switch (this.state) {
      case sizeStart:
      case size:
        return this.afterSize(byte);
      case extension:
        return afterText(byte, extension, sizeEnd);
      case sizeEnd:
        if (byte !== LF) return malformed;
        return this.chunkBytes === 0 ? lineStart : data;
      case dataCR:
        return byte === CR ? dataLF : malformed;
      case dataLF:
        return byte === LF ? sizeStart : malformed;
      case lineStart:
        if (byte === CR) return lastLF;
        return isTokenByte(byte) ? trailerName : malformed;
      case trailerName:
        if (byte === COLON) return trailerValue;
        return isTokenByte(byte) ? trailerName : malformed;
      case trailerValue:
        return afterText(byte, trailerValue, trailerEnd);
      case trailerEnd:
        return byte === LF ? lineStart : malformed;
      default:
        return byte === LF ? done : malformed;
    }
  }

  private afterSize(byte: number): number {
    const digit = hexValue(byte);
    if (digit >= 0) {
      // After a chunk, what is left of it is 0.
      this.chunkBytes = this.chunkBytes * 16 + digit;
      return this.chunkBytes > this.budgetBytes ? malformed : size;
    }
    if (this.state === sizeStart) return malformed;
    if (byte === SEMICOLON) return extension;
    return byte === CR ? sizeEnd : malformed;
  }
}
