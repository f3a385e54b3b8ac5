/**
 * Remembers the field sections of recent requests. A client's requests, and those of a proxy in front, mostly differ
 * in their first line alone; where all other bytes are equal, so is all that was read from them, and comparing costs
 * a tenth of parsing. The tag in If-None-Match differs from file to file: a section is recalled with any tag in its place.
 */

import { trimSpace } from "../text.ts";
import { Head } from "./head.ts";
import { maxRequestLineBytes } from "./head-end.ts";
import { concludeHead } from "./head-parser.ts";
import { parseRequestLine } from "./request-line.ts";

/** Several, since the requests of several browsers come in turn. */
const slots = 8;
/** Longer field sections are not remembered: they are rare, and this is memory at rest. */
const rememberedBytes = 2048;
const unknown = -1;
const EMPTY = Buffer.alloc(0);
const CR = 13;
const LF = 10;
/** The length of a tag as tagOfDigest makes it. */
const tagBytes = 18;

const unusedHead = new Head();

/** A field section, from behind the request line to the blank line's end; empty where there is none. */
class Section {
  bytes: Buffer = EMPTY;
  head: Head = new Head();
  /** Whether it leaves a GET the plain file, or asks only whether its tag is another, and the connection open. */
  isPlain = false;
  /** Where the one tag of If-None-Match stands, or -1. */
  tagStart = -1;
  readonly slot: number;
  constructor(slot: number) {
    this.slot = slot;
  }

  /** Whether these are the bytes from `start` to `end`, whatever the tag is. */
  isAt(input: Buffer, start: number, end: number): boolean {
    const bytes = this.bytes;
    const tagStart = this.tagStart;
    if (tagStart < 0) return bytes.compare(input, start, end) === 0;
    const tagEnd = tagStart + tagBytes;
    return (
      bytes.compare(input, start + tagEnd, end, tagEnd, bytes.length) === 0 &&
      bytes.compare(input, start, start + tagStart, 0, tagStart) === 0
    );
  }
}

export class HeadMemory {
  /** What recall() or remember() gave last; it is changed by the next call unless forget() came in between. */
  head: Head = unusedHead;
  /** Where the first line of a head that recallPlain() found ends. */
  lineEnd = 0;
  /** Where its tag stands, or -1. */
  tagStart = -1;
  private readonly sections: Section[] = [];
  private readonly lengths = new Float64Array(slots);
  private current: Section = new Section(0);
  private next = 0;

  constructor() {
    this.sections.push(this.current);
    for (let i = 1; i < slots; i++) this.sections.push(new Section(i));
  }

  /**
   * Looks for the section that starts at `start`, and makes it the current one. Returns its end, or -1. The one before is
   * found in whatever follows it, the others where nothing follows.
   */
  private find(input: Buffer, start: number, length: number): number {
    const bytes = this.current.bytes.length;
    if (bytes > 0 && start + bytes <= length && this.current.isAt(input, start, start + bytes))
      return start + bytes;
    const lengths = this.lengths;
    // That of an unused one is 0.
    if (start >= length) return unknown;
    for (let i = 0; i < slots; i++) {
      if (lengths[i] !== length - start) continue;
      // biome-ignore lint/style/noNonNullAssertion: natively anything else makes an object of it
      const section = this.sections[i]!;
      if (section === this.current || !section.isAt(input, start, length)) continue;
      this.current = section;
      return length;
    }
    return unknown;
  }

  /**
   * Looks for remembered fields that end where the input ends, so that no end of a line has to be looked for. Returns
   * where they start, or -1.
   */
  private findAtEnd(input: Buffer, at: number, length: number): number {
    const start = length - this.current.bytes.length;
    if (this.isLineBefore(input, at, start, length) && this.current.isAt(input, start, length)) return start;
    for (let i = 0; i < slots; i++) {
      const other = length - (this.lengths[i] ?? 0);
      if (!this.isLineBefore(input, at, other, length)) continue;
      // biome-ignore lint/style/noNonNullAssertion: natively anything else makes an object of it
      const section = this.sections[i]!;
      if (section === this.current || !section.isAt(input, other, length)) continue;
      this.current = section;
      return other;
    }
    return unknown;
  }

  private isLineBefore(input: Buffer, at: number, start: number, length: number): boolean {
    return start > at + 1 && start < length && input[start - 1] === LF && input[start - 2] === CR;
  }

  /**
   * The end of the head at `at` where all behind its first line is remembered and asks for nothing but the file, or whether
   * it has another tag; -1 where not. The first line goes to `lineEnd`, and whether it is one is left to be seen: it is
   * compared with those that are known.
   */
  recallPlain(input: Buffer, at: number, length: number): number {
    let end = length;
    let start = this.findAtEnd(input, at, length);
    if (start < 0) {
      const lineEnd = input.indexOf(CR, at);
      if (lineEnd < 0 || lineEnd + 1 >= length || input[lineEnd + 1] !== LF) return unknown;
      start = lineEnd + 2;
      end = this.find(input, start, length);
    }
    const section = this.current;
    if (end < 0 || !section.isPlain) return unknown;
    this.head = section.head;
    this.lineEnd = start - 2;
    this.tagStart = section.tagStart < 0 ? -1 : start + section.tagStart;
    return end;
  }

  /** Whether the tag of the head that recallPlain() found is this one. */
  tagIs(input: Buffer, tag: Buffer): boolean {
    return tag.length === tagBytes && tag.compare(input, this.tagStart, this.tagStart + tagBytes) === 0;
  }

  /** Whether the head that recallPlain() found has no tag, or the remembered one: any other might be no tag at all. */
  isTagKnown(input: Buffer): boolean {
    const section = this.current;
    const bytes = section.bytes;
    const from = section.tagStart;
    if (from < 0) return true;
    return bytes.compare(input, this.tagStart, this.tagStart + tagBytes, from, from + tagBytes) === 0;
  }

  /** Reads the head at `at` where its fields are remembered ones. Returns its end, or -1. */
  recall(input: Buffer, at: number, length: number): number {
    const lineEnd = input.indexOf(CR, at);
    if (
      lineEnd < 0 ||
      lineEnd - at > maxRequestLineBytes ||
      lineEnd + 1 >= length ||
      input[lineEnd + 1] !== LF
    )
      return unknown;
    const start = lineEnd + 2;
    const end = this.find(input, start, length);
    if (end < 0) return unknown;
    const section = this.current;
    this.tagStart = start + section.tagStart;
    if (!this.isTagKnown(input)) return unknown;
    const head = section.head;
    this.head = head;
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
    this.head = head;
    const lineEnd = input.indexOf("\r\n", start);
    const isRepeatable =
      head.error === 0 && !head.hasContentLength && !head.hasTransferEncoding && head.expect === "";
    const length = end - lineEnd - 2;
    if (!isRepeatable || lineEnd < start || length > rememberedBytes) return;
    const section = this.sectionFor(input, lineEnd + 2, end);
    section.bytes = Buffer.from(input.subarray(lineEnd + 2, end));
    section.head = head;
    section.tagStart = findTag(section.bytes, head);
    this.lengths[section.slot] = length;
    const isConditional = head.isConditional && section.tagStart < 0;
    section.isPlain = head.hasHost && !isConditional && head.keepAlive && head.minor === 1;
  }

  /** The one with the same fields but for the tag, or that which was filled first. */
  private sectionFor(input: Buffer, start: number, end: number): Section {
    if (this.find(input, start, end) !== end) {
      // biome-ignore lint/style/noNonNullAssertion: natively anything else makes an object of it
      this.current = this.sections[this.next]!;
      this.next = (this.next + 1) % slots;
    }
    return this.current;
  }

  /** Gives the head away to who keeps it. */
  forget(): void {
    const section = this.current;
    section.isPlain = false;
    section.bytes = EMPTY;
    section.head = unusedHead;
    section.tagStart = -1;
    this.lengths[section.slot] = 0;
    this.head = unusedHead;
  }
}

/** Where the tag stands in the fields of a head that asks for nothing else than whether a file has another; -1 where not. */
function findTag(fields: Buffer, head: Head): number {
  const tag = head.ifNoneMatch;
  if (tag.length !== tagBytes || !tag.startsWith('"') || !tag.endsWith('"')) return -1;
  if (head.ifMatch !== "" || head.ifUnmodifiedSince !== "" || head.ifRange !== "" || head.range !== "")
    return -1;
  const at = fields.indexOf(tag);
  const line = fields.toString("latin1", 0, at);
  const name = line.slice(line.lastIndexOf("\n") + 1).toLowerCase();
  return trimSpace(name) === "if-none-match:" ? at : -1;
}
