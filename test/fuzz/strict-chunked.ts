/** Chunked content by RFC 9112 7.1, its grammar written as regular expressions and without a look at the server's reader. */

// 7.1.1: extensions are ignored; what they are made of is checked loosely.
const sizeLine = /^([0-9A-Fa-f]+)(?:;[\t -~\x80-\xff]*)?\r\n/;
// 7.1.2: a trailer field, read as RFC 9110 5.5 allows at most.
const trailerLine = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*\r\n/;

/** How many characters the content has; -1 where it is refused, -2 where it is right as far as it goes. */
export function measureChunked(text: string, limitBytes: number): number {
  let at = 0;
  for (;;) {
    const rest = text.slice(at);
    const match = sizeLine.exec(rest);
    if (match === null) return isBeginning(rest, /^[0-9A-Fa-f]*(?:(?<=.);[\t -~\x80-\xff]*)?(?:(?<=.)\r)?$/s);
    const size = Number.parseInt(String(match[1]), 16);
    // Once it is read up to its last digit.
    if (size > limitBytes - at - String(match[1]).length + 1) return -1;
    at += match[0].length;
    if (size === 0) break;
    const end = text.slice(at + size, at + size + 2);
    if (!"\r\n".startsWith(end)) return -1;
    if (end.length < 2) return -2;
    at += size + 2;
  }
  for (;;) {
    const rest = text.slice(at);
    if (rest.startsWith("\r\n")) return at + 2;
    const match = trailerLine.exec(rest);
    if (match === null)
      return isBeginning(rest, /^(?:\r|(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+(?::[\t -~\x80-\xff]*\r?)?)?)$/);
    at += match[0].length;
  }
}

/** @param beginning of a line that may still become a right one */
function isBeginning(rest: string, beginning: RegExp): number {
  return beginning.test(rest) ? -2 : -1;
}
