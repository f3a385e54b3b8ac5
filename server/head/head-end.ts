/** Where a head ends in what was received, and how long it may be. */

const CR = 13;
const LF = 10;

/** Above this the request line is answered 414 and the fields 431; nginx and Apache take 8 KiB. */
export const maxRequestLineBytes = 8192;
export const maxHeadBytes = 32768;
export const maxFields = 100;

/** Where a search for the end of a head stands: `end` is -1 while it is incomplete, -2 when it can't be one. */
export const headIncomplete = -1;
export const headMalformed = -2;

/**
 * Finds the byte after the blank line that ends a head.
 * A line ended by a bare LF is refused: RFC 9112 2.2 allows to accept it, but proxies differ on it.
 * @param from where to go on, at least one byte after `start` when a former call gave headIncomplete
 */
export function findHeadEnd(bytes: Buffer, start: number, from: number): number {
  const length = bytes.length;
  for (let i = from; i < length; i++) {
    if (bytes[i] !== LF) continue;
    if (i === start || bytes[i - 1] !== CR) return headMalformed;
    if (i - 3 >= start && bytes[i - 2] === LF) return i + 1;
  }
  return headIncomplete;
}

/** The status for a head that is still incomplete but already too long, or 0. */
export function oversizeStatus(bytes: Buffer, start: number): number {
  const length = bytes.length - start;
  if (length <= maxRequestLineBytes) return 0;
  const lineEnd = bytes.indexOf("\r\n", start);
  if (lineEnd < 0 || lineEnd - start > maxRequestLineBytes) return 414;
  return length > maxHeadBytes ? 431 : 0;
}
