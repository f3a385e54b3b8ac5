/** The content of a reply with several ranges of a file: multipart/byteranges (RFC 9110 14.6). */
import type { RangeResult } from "./range.ts";

export class Multipart {
  readonly ranges: RangeResult;
  readonly boundary: string;
  private readonly type: string;
  private readonly size: number;
  /** @param type of the file, for each part */
  constructor(ranges: RangeResult, etag: string, type: string, size: number) {
    this.ranges = ranges;
    // From the content's hash: no content holds its own.
    this.boundary = `part-${etag.slice(1, etag.length - 1)}`;
    this.type = type;
    this.size = size;
  }

  /** What goes before a part, or after the last one. */
  head(index: number): string {
    const lineEnd = index === 0 ? "" : "\r\n";
    if (index === this.ranges.starts.length) return `\r\n--${this.boundary}--\r\n`;
    const range = this.ranges.contentRange(index, this.size);
    return `${lineEnd}--${this.boundary}\r\nContent-Type: ${this.type}\r\nContent-Range: ${range}\r\n\r\n`;
  }

  /** Bytes in all. */
  length(): number {
    let length = 0;
    for (let i = 0; i <= this.ranges.starts.length; i++)
      length += this.head(i).length + this.ranges.lengthAt(i);
    return length;
  }

  /** All of it, of a file in memory. */
  join(content: Buffer): Buffer {
    const joined = Buffer.alloc(this.length());
    let at = 0;
    for (let i = 0; i <= this.ranges.starts.length; i++) {
      const start = this.ranges.startAt(i);
      at += joined.write(this.head(i), at, "latin1");
      at += content.copy(joined, at, start, start + this.ranges.lengthAt(i));
    }
    return joined;
  }
}
