import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ChunkedContent } from "../../../server/connection/chunked.ts";

const limitBytes = 1000;

/** Where the content ends; -1 where it is refused, -2 where more has to come. */
function endOf(text: string, pieceBytes: number): number {
  const bytes = Buffer.from(text, "latin1");
  const content = new ChunkedContent(limitBytes);
  let at = 0;
  while (at >= 0 && at < bytes.length && !content.isDone())
    at = content.skip(bytes, at, Math.min(bytes.length, at + pieceBytes));
  return at >= 0 && !content.isDone() ? -2 : at;
}

const right: readonly (readonly [title: string, text: string])[] = [
  ["no content", "0\r\n\r\n"],
  ["one chunk", "5\r\n12345\r\n0\r\n\r\n"],
  ["several chunks", "1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n"],
  ["a size in hexadecimal, of either letter case", `a\r\n0123456789\r\nB\r\n01234567890\r\n0\r\n\r\n`],
  ["leading zeros", "0001\r\na\r\n0000\r\n\r\n"],
  ["line ends and ends of content as content", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n"],
  ["an extension", "1;a\r\nx\r\n0;b=c\r\n\r\n"],
  ["an extension of everything that a line may hold", '1; \ta="\xff,~"\r\nx\r\n0\r\n\r\n'],
  ["a trailer", "0\r\nX: y\r\n\r\n"],
  [
    "trailers that would mean something in a head",
    "0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
  ],
  ["an empty trailer", "0\r\nX:\r\n\r\n"],
];

const refused: readonly (readonly [title: string, text: string])[] = [
  ["no size", "\r\n\r\n"],
  ["an extension without a size", ";a\r\n\r\n"],
  ["a sign", "+1\r\na\r\n0\r\n\r\n"],
  ["a minus", "-1\r\na\r\n0\r\n\r\n"],
  ["0x", "0x1\r\na\r\n0\r\n\r\n"],
  ["an underscore", "1_0\r\n"],
  ["a letter beyond f", "g\r\n"],
  ["a space before a size", " 1\r\na\r\n0\r\n\r\n"],
  ["a space behind a size", "1 \r\na\r\n0\r\n\r\n"],
  ["a space before an extension", "1 ;a\r\na\r\n0\r\n\r\n"],
  ["a bare LF behind a size", "1\na\r\n0\r\n\r\n"],
  ["a bare CR behind a size", "1\ra\r\n0\r\n\r\n"],
  ["a bare LF in an extension", "1;a\nb\r\na\r\n0\r\n\r\n"],
  ["a bare CR in an extension", "1;a\rb\r\na\r\n0\r\n\r\n"],
  ["NUL in an extension", "1;\0\r\na\r\n0\r\n\r\n"],
  ["more content than the size", "1\r\nab\r\n0\r\n\r\n"],
  ["less content than the size", "3\r\na\r\n0\r\n\r\n"],
  ["a bare LF behind a chunk", "1\r\na\n0\r\n\r\n"],
  ["a bare CR behind a chunk", "1\r\na\r0\r\n\r\n"],
  ["nothing behind a chunk", "1\r\na0\r\n\r\n"],
  ["two characters instead of a line's end", "1\r\naXX0\r\n\r\n"],
  ["a bare LF at the end", "0\r\n\n"],
  ["a request where a trailer may be", "0\r\nGET / HTTP/1.1\r\n\r\n"],
  ["a trailer without a name", "0\r\n: a\r\n\r\n"],
  ["a space before a trailer's colon", "0\r\nX : a\r\n\r\n"],
  ["a folded trailer", "0\r\nX: a\r\n b\r\n\r\n"],
  ["NUL in a trailer", "0\r\nX: a\0b\r\n\r\n"],
  ["a bare LF behind a trailer", "0\r\nX: a\n\r\n"],
  ["a size beyond the limit", "3e9\r\n"],
  ["a size that a double can't hold", `${"f".repeat(300)}\r\n`],
  ["a size that wraps around 64 bits to 1", "10000000000000001\r\na\r\n0\r\n\r\n"],
  ["chunks that are too much together", "100\r\n".concat("x".repeat(256), "\r\n").repeat(5)],
  ["zeros without end", "0".repeat(limitBytes + 1)],
  ["an extension without end", `1;${"a".repeat(limitBytes)}`],
  ["trailers without end", `0\r\n${"X: y\r\n".repeat(limitBytes / 6)}\r\n`],
];

describe("content in chunks", () => {
  for (const pieceBytes of [1, 3, 10_000]) {
    describe(`${pieceBytes} bytes at a time`, () => {
      for (const [title, text] of right) {
        test(`ends where it does: ${title}`, () => {
          assert.equal(endOf(`${text}GET /`, pieceBytes), text.length);
        });
        test(`is not taken for whole before its end: ${title}`, () => {
          for (let length = 0; length < text.length; length++)
            assert.equal(endOf(text.slice(0, length), pieceBytes), -2, text.slice(0, length));
        });
      }
      for (const [title, text] of refused)
        test(`is refused: ${title}`, () => assert.equal(endOf(text, pieceBytes), -1));
    });
  }
});
